// Invariants:
// - a generation that was published is read back byte for byte, by this store and by another one
// - what is published is listed, promoted, retained; what a crash left behind is cleared away
// - a generation of another config or version is refused, not skipped
// - ids are never reused; the manifest's id must be the directory's
// - a reader changes nothing on disk
// - retention keeps the newest, the live one and the pinned ones
// - what the gate promoted goes live even when a crash comes in between; an operator is not overruled
// - on the disk and on the memory disk of the crash tests alike
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskFiles, type Files } from '../../src/checkpoint/files.fs.ts';
import { generationId } from '../../src/checkpoint/generation.ts';
import { seal } from '../../src/checkpoint/sealed-json.ts';
import type { Generation, GenerationStore } from '../../src/contract.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { diskFull, shortWrites, withFault } from '../support/faulty-files.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import {
  digestA,
  digestB,
  filesAt,
  promote,
  snapshotAt,
  storeAt,
  twoGenerations,
} from '../support/snapshots.ts';

const publish = (store: GenerationStore, cursor: number) => store.publish(snapshotAt({ cursor }), promote);

async function contentOf(store: GenerationStore, generation: Generation): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const { path } of generation.manifest.files)
    content[path] = Buffer.from(await store.read(generation, path)).toString();
  return content;
}

const contentAt = (cursor: number): Record<string, string> =>
  Object.fromEntries(filesAt(cursor).map((file) => [file.path, Buffer.from(file.bytes).toString()]));

const disks: Record<string, () => { files: Files; directory: string }> = {
  disk: () => ({ files: diskFiles, directory: join(temporaryDirectory(), 'data', 'generations') }),
  memory: () => ({ files: new MemoryDisk(), directory: '/data/generations' }),
};

describe.each(Object.entries(disks))('on the %s', (_, open) => {
  it('is empty at first', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files });
    expect(await store.latest(digestA)).toBeNull();
    expect(await store.list()).toEqual([]);
    expect(await store.live()).toBeNull();
    expect(await store.retain(1)).toEqual([]);
    await expect(store.open(generationId(1))).rejects.toMatchObject({ code: 'GENERATION_UNKNOWN' });
  });

  it('gives back what was published', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files });
    const first = await publish(store, 100);
    const second = await publish(store, 200);
    expect([first.manifest.id, first.manifest.parent]).toEqual(['g000001', null]);
    expect([second.manifest.id, second.manifest.parent]).toEqual(['g000002', 'g000001']);
    const { store: again } = await storeAt(directory, { files });
    for (const [generation, cursor] of [
      [first, 100],
      [second, 200],
    ] as const) {
      const reopened = await again.open(generation.manifest.id);
      expect(reopened).toEqual(generation);
      expect(await contentOf(again, reopened)).toEqual(contentAt(cursor));
    }
    expect(await again.latest(digestA)).toEqual(second);
    expect(await again.list()).toEqual([first.manifest, second.manifest]);
  });

  it('moves the live pointer, back as well as forth', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files });
    await publish(store, 100);
    await publish(store, 200);
    for (const number of [2, 1]) {
      await store.setLive(generationId(number));
      expect(await (await storeAt(directory, { files })).store.live()).toBe(generationId(number));
    }
    await expect(store.setLive(generationId(3))).rejects.toMatchObject({
      code: 'GENERATION_UNKNOWN',
      message: expect.stringContaining('g000001, g000002'),
    });
    expect(await store.live()).toBe('g000001');
  });

  it('keeps the newest and the live one', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files });
    for (let cursor = 1; cursor <= 5; cursor++) await publish(store, cursor);
    await store.setLive(generationId(2));
    expect(await store.retain(2)).toEqual(['g000001', 'g000003']);
    expect((await store.list()).map((manifest) => manifest.id)).toEqual(['g000002', 'g000004', 'g000005']);
    expect((await files.list(directory))!.filter((entry) => entry.name.startsWith('.'))).toEqual([]);
  });

  it('is not disturbed by short writes', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files: shortWrites(files, 7) });
    const generation = await publish(store, 100);
    expect(await contentOf(store, generation)).toEqual(contentAt(100));
  });

  it('lets changes wait for each other', async () => {
    const { files, directory } = open();
    const { store } = await storeAt(directory, { files });
    const generations = await Promise.all([publish(store, 1), publish(store, 2), publish(store, 3)]);
    expect(generations.map((generation) => generation.manifest.id)).toEqual([
      'g000001',
      'g000002',
      'g000003',
    ]);
    expect(await store.latest(digestA)).toEqual(generations[2]);
  });

  it('says that the disk is full, and keeps what there was', async () => {
    const { files, directory } = open();
    const { store: roomy } = await storeAt(directory, { files });
    const before = await publish(roomy, 100);
    await roomy.setLive(before.manifest.id);
    const { store } = await storeAt(directory, { files: withFault(files, diskFull(1)) });
    await expect(publish(store, 200)).rejects.toMatchObject({
      code: 'STORE_WRITE_FAILED',
      message: expect.stringMatching(new RegExp(`${directory}.*ENOSPC.*free some space`)),
    });
    expect(await store.latest(digestA)).toEqual(before);
    const names = (await files.list(directory))!.map((entry) => entry.name).sort();
    expect(names).toEqual(['current.json', 'g000001']);
  });
});

describe('what is foreign', () => {
  it('another config is refused with both digests, not skipped', async () => {
    const { store, unusable } = await twoGenerations();
    await expect(store.latest(digestB)).rejects.toMatchObject({
      code: 'GENERATION_FOREIGN',
      message: expect.stringMatching(new RegExp(`${digestA}.*${digestB}`)),
    });
    expect(unusable).toEqual([]);
  });

  it('another version is refused, not set aside', async () => {
    const { store, unusable, second } = await twoGenerations();
    writeFileSync(join(second.directory, 'manifest.json'), seal({ ...second.manifest, version: 3 }));
    await expect(store.latest(digestA)).rejects.toMatchObject({ code: 'GENERATION_FOREIGN' });
    expect(unusable).toEqual([]);
  });
});

describe('the directory', () => {
  it('is cleared of what a crash left behind, and of nothing else', async () => {
    const { directory, store, first } = await twoGenerations();
    await store.setLive(first.manifest.id);
    cpSync(first.directory, join(directory, '.staging-g000003'), { recursive: true });
    cpSync(first.directory, join(directory, '.removing-g000009'), { recursive: true });
    writeFileSync(join(directory, '.current.json.new'), 'half');
    for (const name of ['pinned', 'current.json'])
      writeFileSync(join(directory, `.${name}.6ff0d7c4-1d0b-4bb1-9f5c-5b6a2f3f0f2e.new`), 'half');
    writeFileSync(join(directory, 'notes.txt'), 'of the operator');
    await storeAt(directory);
    expect(readdirSync(directory).sort()).toEqual(['current.json', 'g000001', 'g000002', 'notes.txt']);
  });

  it('is left alone by a reader', async () => {
    const { directory, second } = await twoGenerations();
    mkdirSync(join(directory, '.staging-g000003'));
    rmSync(join(second.directory, 'state.json'));
    const before = readdirSync(directory, { recursive: true });
    const { store, unusable } = await storeAt(directory, { access: 'read' });
    expect((await store.latest(digestA))?.manifest.id).toBe('g000001');
    expect(unusable).toMatchObject([{ id: 'g000002', movedTo: null }]);
    expect(() => store.retain(1)).toThrow(/opened for reading/);
    expect(readdirSync(directory, { recursive: true })).toEqual(before);
  });

  it('need not exist for a reader', async () => {
    const { store } = await storeAt(join(temporaryDirectory(), 'none'), { access: 'read' });
    expect(await store.list()).toEqual([]);
  });

  it('that is a file is refused with the path', async () => {
    const directory = join(temporaryDirectory(), 'file');
    writeFileSync(directory, '');
    await expect(storeAt(directory)).rejects.toMatchObject({ message: expect.stringContaining(directory) });
  });

  it('may pin generations', async () => {
    const { directory, store } = await twoGenerations();
    writeFileSync(join(directory, 'pinned'), 'g000001 # for comparison\n');
    await publish(store, 300);
    expect(await store.retain(1)).toEqual(['g000002']);
    writeFileSync(join(directory, 'pinned'), 'g01\n');
    await publish(store, 400);
    await expect(store.retain(1)).rejects.toMatchObject({ code: 'GENERATION_UNKNOWN' });
    expect((await store.list()).length).toBe(3);
  });

  it('keeps three damaged generations at most', async () => {
    const { directory, store } = await twoGenerations();
    for (let cursor = 3; cursor <= 7; cursor++) {
      const { directory: newest } = await publish(store, cursor);
      rmSync(join(newest, 'state.json'));
      await store.latest(digestA);
    }
    await publish(store, 8);
    await store.retain(5);
    const damaged = readdirSync(directory).filter((name) => name.startsWith('.damaged-'));
    expect(damaged.sort()).toEqual(['.damaged-g000005', '.damaged-g000006', '.damaged-g000007']);
  });

  it('does not trust a manifest that was copied under another name', async () => {
    const { directory, store, unusable, second } = await twoGenerations();
    cpSync(second.directory, join(directory, 'g000005'), { recursive: true });
    expect(await store.latest(digestA)).toEqual(second);
    expect(unusable[0]?.error.message).toMatch(/describes g000002, its directory is named g000005/);
  });
});

describe('a crash between publication and promotion', () => {
  const reopened = async (directory: string) => (await storeAt(directory)).store.live();

  it('does not cost the generation its promotion', async () => {
    const { directory, store } = await twoGenerations();
    expect(await store.live()).toBeNull();
    expect(await reopened(directory)).toBe('g000002');
    await publish(store, 300);
    expect(await reopened(directory)).toBe('g000003');
  });

  it('does not promote what the gate did not', async () => {
    const { directory, store, second } = await twoGenerations();
    await store.setLive(second.manifest.id);
    for (const decision of ['HOLD', 'REJECT'] as const) {
      await store.publish(snapshotAt({ cursor: 300 }), { decision, reason: 'quality-fell', figures: {} });
      expect(await reopened(directory)).toBe('g000002');
    }
  });

  it('does not overrule an operator who went back', async () => {
    const { directory, store, first, second } = await twoGenerations();
    await store.setLive(second.manifest.id);
    await store.setLive(first.manifest.id);
    expect(await reopened(directory)).toBe('g000001');
    await publish(store, 300);
    expect(await reopened(directory)).toBe('g000003');
  });

  it('does not promote what is damaged, nor for a reader', async () => {
    const { directory, second } = await twoGenerations();
    const { store: reader } = await storeAt(directory, { access: 'read' });
    expect(await reader.live()).toBeNull();
    rmSync(join(second.directory, 'state.json'));
    expect(await reopened(directory)).toBeNull();
  });
});

it('a snapshot with a metric that is not a number is not stored', async () => {
  const { store } = await twoGenerations();
  const poisoned = snapshotAt({ cursor: 300, metrics: { 'loss.distill': Number.NaN } });
  await expect(store.publish(poisoned, promote)).rejects.toMatchObject({ code: 'NON_FINITE' });
  expect((await store.list()).length).toBe(2);
});

it('a file that the manifest does not list cannot be read', async () => {
  const { store, second } = await twoGenerations();
  await expect(store.read(second, '../g000001/state.json')).rejects.toMatchObject({ code: 'BUG' });
});
