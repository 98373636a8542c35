// Fails the n-th disk operation that changes something of a move of the live pointer, n = 1, 2, ... until it
// succeeds (promise 8).
//
// After each failure, seen by a daemon that starts again and by the next operator,
// - what is live is as before or as after, and it verifies; after an acknowledged move it is as after
// - the audit is not damaged, and an acknowledged move is in it
// - the next move works, leads where it says, and is audited; a rollback undoes it
import { describe, expect, it } from 'vitest';
import { Desk } from '../../src/checkpoint/desk.fs.ts';
import type { Files } from '../../src/checkpoint/files.fs.ts';
import { generationId } from '../../src/checkpoint/generation.ts';
import type { GateVerdict, GenerationId } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';
import {
  diskFull,
  type Fault,
  failOnce,
  killed,
  type Operation,
  withFault,
} from '../support/faulty-files.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { snapshotAt, storeAt } from '../support/snapshots.ts';

const directory = '/data/generations';
const clock = { now: () => 1_767_225_600_000, elapsed: () => 0 };
const g = generationId;
const motive = { by: 'alice', reason: 'shoes rank low' };
const verdict = (live: number): GateVerdict => ({ decision: 'PROMOTE', reason: 'better', figures: { live } });

async function deskAt(files: Files, access: 'write' | 'operate'): Promise<Desk> {
  const { store } = await storeAt(directory, { files, access });
  return new Desk({ directory, store, clock, files });
}

/** Generations 1 and 2, both promoted; a third published that its gate held. */
async function serve(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { store } = await storeAt(directory, { files: disk });
  const desk = new Desk({ directory, store, clock, files: disk });
  for (const number of [1, 2]) {
    const live = await store.live();
    await store.publish(snapshotAt({ cursor: 100 * number }), verdict(number - 1));
    expect(await desk.promoteJudged(g(number), { live, pinned: false }, 'better')).toBe(true);
  }
  await store.publish(snapshotAt({ cursor: 300 }), { decision: 'HOLD', reason: 'unsure', figures: {} });
  return disk;
}

const whole = await serve();

/** Another one like it: everything on it is durable. */
const served = (): MemoryDisk => whole.powerLoss(randomFor(0, 'copy'));

const reading: readonly Operation[] = ['openRead', 'read', 'list', 'close'];

/** Counts what changes something only. */
function ofChanges(fault: Fault): Fault {
  let count = 0;
  return (_, operation, path) => {
    if (!reading.includes(operation)) fault(++count, operation, path);
  };
}

interface Work {
  readonly to: GenerationId;
  readonly access: 'write' | 'operate';
  readonly move: (desk: Desk) => Promise<unknown>;
}

const works: Readonly<Record<string, Work>> = {
  'a rollback': { to: g(1), access: 'operate', move: (desk) => desk.rollback(motive) },
  'a promotion by hand': { to: g(3), access: 'operate', move: (desk) => desk.promote(g(3), motive) },
  'a promotion by the gate': {
    to: g(3),
    access: 'write',
    move: (desk) => desk.promoteJudged(g(3), { live: g(2), pinned: false }, 'better'),
  },
};

async function check(files: Files, { to }: Work, isDone: boolean): Promise<void> {
  const { store } = await storeAt(directory, { files });
  const live = await store.live();
  expect(isDone ? [to] : [to, g(2)]).toContain(live);
  await store.open(live!);
  const desk = await deskAt(files, 'operate');
  const { entries, problems } = await desk.audit();
  expect(problems).toEqual([]);
  if (isDone) expect(entries.at(-1)).toMatchObject({ generation: to, from: g(2) });
  const next = live === g(1) ? g(2) : g(1);
  expect(await desk.promote(next, motive)).toBe(next);
  expect(await store.live()).toBe(next);
  expect(await desk.rollback(motive)).toBe(live);
  expect(await store.live()).toBe(live);
  expect((await desk.audit()).problems).toEqual([]);
}

/** False once the move needs fewer operations than the fault lets through. */
async function failsAt(fault: Fault, disk: MemoryDisk, { access, move }: Work): Promise<boolean> {
  try {
    await move(await deskAt(withFault(disk, ofChanges(fault)), access));
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(RestillError);
    expect((error as RestillError).code).toMatch(/^STORE_(WRITE|READ)_FAILED$/);
    return true;
  }
}

describe.each(Object.entries(works))('%s', (_, work) => {
  it.each<[string, (n: number) => Fault]>([
    ['one operation fails', (n) => failOnce(n)],
    ['the disk is full', diskFull],
    ['the process is killed', killed],
  ])('%s, at every operation in turn', async (__, faultAt) => {
    let n = 1;
    for (let failed = true; failed; n++) {
      const disk = served();
      failed = await failsAt(faultAt(n), disk, work);
      await check(disk, work, !failed);
    }
    expect(n).toBeGreaterThan(7);
  });

  it('the power goes at every operation in turn', async () => {
    for (let n = 1, failed = true; failed; n++)
      for (const seed of [1, 2, 3]) {
        const disk = served();
        failed = await failsAt(killed(n), disk, work);
        await check(disk.powerLoss(randomFor(seed, 'power', n)), work, !failed);
      }
  });
});
