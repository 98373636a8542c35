// Fails the n-th disk operation of a store at work, n = 1, 2, ... until it succeeds (promises 3 and 8).
//
// After each failure the store is opened again, and
// - `latest` is the generation acknowledged last or the one being published, every byte of it, never a mix
// - `live` is the one promoted last, as soon as its publication was acknowledged; before, it may be; it
//   verifies
// - nothing is found damaged: a crash alone never makes damage
// - nothing is left lying about, and the next generation gets a number that no generation had
//
// The failures: one operation fails; the disk is full from there on; the process is gone; the process is gone
// and the power with it, so that what was not fsynced may be lost, cut or back as it was.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskFiles, type Files } from '../../src/checkpoint/files.fs.ts';
import { generationId, generationNumber } from '../../src/checkpoint/generation.ts';
import type { GenerationId, GenerationStore } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { diskFull, errno, type Fault, failOnce, killed, withFault } from '../support/faulty-files.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { digestA, filesAt, promote, snapshotAt, storeAt } from '../support/snapshots.ts';

/** What a run knows when it fails. */
interface Knowledge {
  /** Cursors of generations, null for none: the last acknowledged one and the one being published, if any. */
  latest: { sure: number | null; perhaps: number | null };
  live: { sure: GenerationId | null; perhaps: GenerationId | null };
  /** Every id that was acknowledged. */
  ids: Set<GenerationId>;
}

const nothing = (): Knowledge => ({
  latest: { sure: null, perhaps: null },
  live: { sure: null, perhaps: null },
  ids: new Set(),
});

/** A day in the life of a store: publish and promote twice, retaining one. */
async function work(files: Files, directory: string, known: Knowledge): Promise<void> {
  const { store } = await storeAt(directory, { files });
  for (const cursor of [100, 200]) {
    const id = await publish(store, cursor, known);
    await store.setLive(id);
    await store.retain(1);
  }
}

async function publish(store: GenerationStore, cursor: number, known: Knowledge): Promise<GenerationId> {
  known.latest.perhaps = cursor;
  known.live.perhaps = generationId(cursor / 100);
  const { manifest } = await store.publish(snapshotAt({ cursor }), promote);
  known.latest = { sure: cursor, perhaps: null };
  // Its gate promoted it: reopening puts it in service, if `setLive` does not.
  known.live = { sure: manifest.id, perhaps: null };
  known.ids.add(manifest.id);
  return manifest.id;
}

async function checkReopened(files: Files, directory: string, known: Knowledge): Promise<void> {
  const { store, unusable } = await storeAt(directory, { files });
  const latest = await store.latest(digestA);
  expect(unusable).toEqual([]);
  expect([known.latest.sure, known.latest.perhaps]).toContain(latest?.manifest.cursor ?? null);
  for (const file of latest ? filesAt(latest.manifest.cursor) : [])
    expect(Buffer.compare(await store.read(latest!, file.path), file.bytes)).toBe(0);
  const live = await store.live();
  expect([known.live.sure, known.live.perhaps]).toContain(live);
  if (live) await store.open(live);
  for (const manifest of await store.list()) await store.open(manifest.id);
  expect(unusable).toEqual([]);
  const hidden = (await files.list(directory))!.filter((entry) => entry.name.startsWith('.'));
  expect(hidden).toEqual([]);
  await checkGoesOn(store, known);
}

async function checkGoesOn(store: GenerationStore, known: Knowledge): Promise<void> {
  const next = await store.publish(snapshotAt({ cursor: 900 }), promote);
  for (const id of known.ids)
    expect(generationNumber(next.manifest.id)).toBeGreaterThan(generationNumber(id));
  expect((await store.latest(digestA))?.manifest.cursor).toBe(900);
  await store.setLive(next.manifest.id);
  expect(await store.live()).toBe(next.manifest.id);
}

/** Returns false once the run needs fewer operations than `n`, and so nothing failed. */
async function failsAt(fault: Fault, files: Files, directory: string, known: Knowledge): Promise<boolean> {
  try {
    await work(withFault(files, fault), directory, known);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(RestillError);
    expect((error as RestillError).code).toMatch(/^STORE_(WRITE|READ)_FAILED$/);
    return true;
  }
}

const directory = '/data/generations';

describe.each<[string, (n: number) => Fault]>([
  ['one operation fails', (n) => failOnce(n)],
  ['the disk is full', diskFull],
  ['the process is killed', killed],
])('%s', (_, faultAt) => {
  it('at every operation in turn', async () => {
    let n = 1;
    for (; ; n++) {
      const disk = new MemoryDisk();
      const known = nothing();
      if (!(await failsAt(faultAt(n), disk, directory, known))) break;
      await checkReopened(disk, directory, known);
    }
    expect(n).toBeGreaterThan(100);
  });
});

it('the power goes at every operation in turn', async () => {
  let n = 1;
  for (let failed = true; failed; n++)
    for (const seed of [1, 2, 3]) {
      const disk = new MemoryDisk();
      const known = nothing();
      failed = await failsAt(killed(n), disk, directory, known);
      await checkReopened(disk.powerLoss(randomFor(seed, 'power', n)), directory, known);
    }
  expect(n).toBeGreaterThan(100);
});

it('the power goes again while the store recovers', async () => {
  for (let n = 60; n < 200; n += 7) {
    const disk = new MemoryDisk();
    const known = nothing();
    await failsAt(killed(n), disk, directory, known);
    for (let m = 1; m < 40; m += 3) {
      const random = randomFor(m, 'power', n);
      const first = disk.powerLoss(random);
      const recovering = storeAt(directory, { files: withFault(first, killed(m)) });
      await recovering.catch(() => {}); // it may have been killed; what counts is the state that it leaves
      await checkReopened(first.powerLoss(random), directory, known);
    }
  }
});

it.each([1, 20])('a store of which %d operations failed goes on in the same process', async (failures) => {
  for (let n = 1; n < 60; n++) {
    const known = nothing();
    let broken = { from: Infinity, to: Infinity };
    let count = 0;
    const files = withFault(new MemoryDisk(), () => {
      if (++count >= broken.from && count < broken.to) throw errno('EIO');
    });
    const { store } = await storeAt(directory, { files });
    await publish(store, 100, known);
    broken = { from: count + n, to: count + n + failures };
    await publish(store, 200, known).catch(() => {}); // fails for most n
    count = broken.to;
    await checkGoesOn(store, known);
  }
});

it('what is live survives a power loss even where the last fsync of its publication failed', async () => {
  const failLast: Fault = (_, operation, path) => {
    if (operation === 'syncDirectory' && path === directory) throw errno('EIO');
  };
  for (let m = 1, done = false; !done; m++)
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const disk = new MemoryDisk();
      const { store } = await storeAt(directory, { files: withFault(disk, failLast) });
      await expect(publish(store, 100, nothing())).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
      const promoting = storeAt(directory, { files: withFault(disk, killed(m)) })
        .then(({ store: next }) => next.setLive(generationId(1)))
        .then(
          () => true,
          () => false,
        );
      done = await promoting;
      const survivor = disk.powerLoss(randomFor(seed, 'power', m));
      const { store: reopened } = await storeAt(directory, { files: survivor });
      const live = await reopened.live();
      expect(live === null && done).toBe(false);
      if (live) await reopened.open(live);
    }
});

it('on the real disk too, at every fifth operation of a publication', async () => {
  for (let n = 1; ; n += 5) {
    const data = join(temporaryDirectory(), 'generations');
    const known = nothing();
    const { store } = await storeAt(data);
    await publish(store, 100, known);
    const { store: faulty } = await storeAt(data, { files: withFault(diskFiles, killed(n)) }).catch(() => ({
      store: null, // killed while opening
    }));
    const done = await (faulty && publish(faulty, 200, known).catch(() => null));
    await checkReopened(diskFiles, data, known);
    if (done) break;
  }
});
