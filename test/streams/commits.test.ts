// Commits trail what is durable: at most one at a time and one per interval, what moved and is assigned only,
// never behind where it was taken up; one that fails is told, and what it should have said is in the next.
import { expect, test } from 'vitest';
import type { Timer } from '../../src/clock.ts';
import { openCommits, type PartitionOffset } from '../../src/streams/commits.ts';

function open() {
  const due: (() => void)[] = [];
  const timer: Timer = {
    now: () => 0,
    elapsed: () => 0,
    after: (_, callback) => {
      due.push(callback);
      return () => due.splice(due.indexOf(callback), 1);
    },
  };
  const sent: string[] = [];
  const failures: unknown[] = [];
  let broken = false;
  const commits = openCommits(100, timer, (error) => failures.push(error));
  const commit = (offsets: readonly PartitionOffset[]): Promise<void> => {
    if (broken) return Promise.reject(new Error('REBALANCE_IN_PROGRESS'));
    sent.push(offsets.map(({ topic, partition, offset }) => `${topic}/${partition}:${offset}`).join());
    return Promise.resolve();
  };
  const setBroken = (to: boolean): void => {
    broken = to;
  };
  return { commits, commit, sent, failures, due, setBroken };
}

test('what is assigned and moved, when it is due', async () => {
  const { commits, commit, sent, due } = open();
  commits.assigned(
    new Map([
      ['clicks/0', 5],
      ['docs/0', 0],
    ]),
  );
  commits.open(commit);
  commits.acknowledge({ 'clicks/0': 5, 'clicks/1': 6 });
  commits.acknowledge({ 'clicks/0': 7, 'clicks/1': 8, 'docs/0': 9 });
  expect(due).toHaveLength(1);
  due.shift()!();
  await commits.now();
  expect(sent).toEqual(['clicks/0:7,docs/0:9']);
  commits.acknowledge({ 'clicks/0': 8, 'docs/0': 9 });
  await commits.close();
  expect(sent).toEqual(['clicks/0:7,docs/0:9', 'clicks/0:8']);
  expect(due).toEqual([]);
});

test('a failure is told, and made good by the next one', async () => {
  const { commits, commit, sent, failures, setBroken } = open();
  commits.assigned(new Map([['clicks/0', 5]]));
  commits.acknowledge({ 'clicks/0': 5 });
  await commits.now();
  expect(failures).toEqual([]);
  commits.open(commit);
  setBroken(true);
  await commits.now();
  expect(failures).toHaveLength(1);
  setBroken(false);
  await commits.now();
  expect(sent).toEqual(['clicks/0:5']);
});

test('what another member went on with is not taken back', async () => {
  const { commits, commit, sent } = open();
  commits.open(commit);
  commits.assigned(new Map([['clicks/0', 0]]));
  commits.acknowledge({ 'clicks/0': 100 });
  await commits.now();
  // It was another member's, up to 200, and is ours again; our journal says 100 until something comes.
  commits.assigned(new Map([['clicks/0', 200]]));
  await commits.now();
  commits.acknowledge({ 'clicks/0': 201 });
  await commits.now();
  expect(sent).toEqual(['clicks/0:100', 'clicks/0:201']);
});
