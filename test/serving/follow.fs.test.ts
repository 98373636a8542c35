// Invariants:
// - it looks at once, whenever something changes in the directory, and every poll interval even where nothing
//   is told; also in a directory that comes later
// - it looks once at a time; what changes meanwhile makes it look once more
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Follower, follow } from '../../src/serving/follow.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { settle } from '../support/plain-student.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

function open(directory: string) {
  const timer = virtualTimer();
  let looks = 0;
  let finish = (): void => {};
  const waiting = new Set<{ count: number; resolve: () => void }>();
  const look = (): Promise<void> => {
    looks++;
    for (const one of waiting) if (looks >= one.count) one.resolve();
    return new Promise((resolve) => (finish = resolve));
  };
  const follower: Follower = follow({ directory, pollMs: 250, timer, look });
  return {
    follower,
    timer,
    looks: () => looks,
    finish: () => {
      finish();
      return settle();
    },
    /** Resolves at the look of that number. */
    look: (count: number) => new Promise<void>((resolve) => void waiting.add({ count, resolve })),
  };
}

it('looks at every change, once at a time', async () => {
  const directory = temporaryDirectory();
  const { follower, looks, finish, look } = open(directory);
  expect(looks()).toBe(1);
  void follower.look();
  void follower.look();
  expect(looks()).toBe(1);
  await finish();
  expect(looks()).toBe(2);
  await finish();
  expect(looks()).toBe(2);
  const seen = look(3);
  writeFileSync(join(directory, '.current.json.new'), '{}');
  renameSync(join(directory, '.current.json.new'), join(directory, 'current.json'));
  await seen; // No virtual time has passed: the file system told.
  const closed = follower.close();
  await finish();
  await closed;
});

it('polls where nothing is told, and finds a directory that comes later', async () => {
  const directory = join(temporaryDirectory(), 'generations');
  const { follower, timer, looks, finish, look } = open(directory);
  await finish();
  timer.advance(249);
  expect(looks()).toBe(1);
  timer.advance(1);
  expect(looks()).toBe(2);
  await finish();
  mkdirSync(directory);
  timer.advance(250);
  expect(looks()).toBe(3);
  await finish();
  const seen = look(4);
  writeFileSync(join(directory, 'current.json'), '{}');
  await seen;
  const closed = follower.close();
  await finish();
  await closed;
  expect(timer.waiting).toBe(0);
});
