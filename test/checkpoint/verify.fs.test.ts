// Invariants:
// - damage of any kind is named by file, and never returned
// - `latest` sets it aside, tells, and takes the generation before it; ids go on
// - the live pointer is moved by nothing but the gate or an operator
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestA, filesAt, promote, snapshotAt, twoGenerations } from '../support/snapshots.ts';

describe('damage', () => {
  const kinds: Record<string, { file: string; inflict: (generation: string) => void }> = {
    'a flipped byte': {
      file: 'student/model.safetensors',
      inflict: (g) =>
        writeFileSync(
          join(g, 'student/model.safetensors'),
          Buffer.from(filesAt(200)[0]!.bytes).fill(1, 9, 10),
        ),
    },
    'a longer file': { file: 'state.json', inflict: (g) => appendFileSync(join(g, 'state.json'), ' ') },
    'a missing file': {
      file: 'optimizer.safetensors',
      inflict: (g) => rmSync(join(g, 'optimizer.safetensors')),
    },
    'an empty file': {
      file: 'teacher/model.safetensors',
      inflict: (g) => writeFileSync(join(g, 'teacher/model.safetensors'), ''),
    },
    'an extra file': { file: 'student/more', inflict: (g) => writeFileSync(join(g, 'student/more'), 'x') },
    'an extra hidden file': { file: '.DS_Store', inflict: (g) => writeFileSync(join(g, '.DS_Store'), 'x') },
    'an extra directory': { file: 'empty/', inflict: (g) => mkdirSync(join(g, 'empty')) },
    'a link in place of a file': {
      file: 'state.json',
      inflict: (g) => {
        renameSync(join(g, 'state.json'), join(g, '..', 'elsewhere'));
        symlinkSync('../elsewhere', join(g, 'state.json'));
      },
    },
    'no manifest': { file: 'manifest.json', inflict: (g) => rmSync(join(g, 'manifest.json')) },
    'a cut manifest': {
      file: 'manifest.json',
      inflict: (g) => writeFileSync(join(g, 'manifest.json'), '{"version": 1'),
    },
    'the manifest of another generation': {
      file: 'manifest.json',
      inflict: (g) => cpSync(join(g, '../g000001/manifest.json'), join(g, 'manifest.json')),
    },
    'another generation under its name': {
      file: 'manifest.json',
      inflict: (g) => {
        rmSync(g, { recursive: true });
        cpSync(join(g, '../g000001'), g, { recursive: true });
      },
    },
    'nothing at all inside': {
      file: 'manifest.json',
      inflict: (g) => {
        rmSync(g, { recursive: true });
        mkdirSync(g);
      },
    },
  };

  it.each(Object.entries(kinds))('%s is named, set aside and passed over', async (_, { file, inflict }) => {
    const { directory, store, unusable, first, second } = await twoGenerations();
    inflict(second.directory);
    const naming = {
      code: 'GENERATION_DAMAGED',
      message: expect.stringContaining(join(second.directory, file)),
    };
    await expect(store.open(second.manifest.id)).rejects.toMatchObject(naming);
    expect(await store.latest(digestA)).toEqual(first);
    const movedTo = join(directory, '.damaged-g000002');
    expect(unusable).toEqual([{ id: 'g000002', error: expect.objectContaining(naming), movedTo }]);
    expect(readdirSync(directory)).toContain('.damaged-g000002');
    expect((await store.publish(snapshotAt({ cursor: 300 }), promote)).manifest).toMatchObject({
      id: 'g000003',
      parent: 'g000001',
    });
  });

  it('of all of them leaves none, and ids still go on', async () => {
    const { store, unusable, first, second } = await twoGenerations();
    for (const generation of [first, second]) rmSync(join(generation.directory, 'state.json'));
    expect(await store.latest(digestA)).toBeNull();
    expect(unusable.map(({ id }) => id)).toEqual(['g000002', 'g000001']);
    expect((await store.publish(snapshotAt({ cursor: 300 }), promote)).manifest.id).toBe('g000003');
  });

  it('set aside is said to be so when it is asked for', async () => {
    const { store, second } = await twoGenerations();
    rmSync(join(second.directory, 'state.json'));
    await store.latest(digestA);
    await expect(store.open(second.manifest.id)).rejects.toMatchObject({
      code: 'GENERATION_UNKNOWN',
      message: expect.stringMatching(/set aside as .*\.damaged-g000002; use one of: g000001/),
    });
  });

  it('between opening and reading is noticed', async () => {
    const { store, second } = await twoGenerations();
    appendFileSync(join(second.directory, 'state.json'), ' ');
    await expect(store.read(second, 'state.json')).rejects.toMatchObject({ code: 'GENERATION_DAMAGED' });
  });

  it('keeps the live pointer where it is: only the gate or an operator moves it', async () => {
    const { store, second } = await twoGenerations();
    await store.setLive(second.manifest.id);
    rmSync(join(second.directory, 'state.json'));
    await store.latest(digestA);
    expect(await store.live()).toBe('g000002');
  });

  it('of current.json is named', async () => {
    const { directory, store, first } = await twoGenerations();
    await store.setLive(first.manifest.id);
    appendFileSync(join(directory, 'current.json'), ' ');
    await expect(store.live()).rejects.toMatchObject({
      code: 'GENERATION_DAMAGED',
      message: expect.stringContaining(join(directory, 'current.json')),
    });
  });

  it('of the manifest is told by `list`, which goes on', async () => {
    const { store, unusable, first, second } = await twoGenerations();
    appendFileSync(join(first.directory, 'manifest.json'), ' ');
    expect(await store.list()).toEqual([second.manifest]);
    expect(unusable).toEqual([
      { id: 'g000001', error: expect.objectContaining({ code: 'GENERATION_DAMAGED' }), movedTo: null },
    ]);
  });
});
