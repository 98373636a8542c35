// Invariants:
// - the target holds the student's files unchanged, a model card and SHA256SUMS that covers all of them
// - it appears whole or not at all: whichever operation fails, the target is absent, old or complete
// - nothing that is in the way is replaced without `force`; nothing but an earlier export is replaced with it
// - a damaged student is not exported
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportHuggingFace } from '../../src/checkpoint/export.fs.ts';
import type { Files } from '../../src/checkpoint/files.fs.ts';
import type { Generation } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { killed, withFault } from '../support/faulty-files.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { filesAt, promote, sha256, snapshotAt, storeAt } from '../support/snapshots.ts';

const names = [
  'README.md',
  'SHA256SUMS',
  'config.json',
  'model.safetensors',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
];

async function generationIn(directory: string, cursor = 100, files?: Files): Promise<Generation> {
  const { store } = await storeAt(join(directory, 'generations'), files ? { files } : {});
  return store.publish(snapshotAt({ cursor }), promote);
}

/** A generation and a target on the disk. */
async function ready() {
  const root = temporaryDirectory();
  const generation = await generationIn(root);
  return { root, generation, target: join(root, 'models', 'student') };
}

describe('an export', () => {
  it('is the student, a model card and the sums', async () => {
    const { generation, target } = await ready();
    const exported = await exportHuggingFace(generation, target, { force: false });
    expect(exported.directory).toBe(target);
    expect(readdirSync(target).sort()).toEqual(names);
    expect(readdirSync(dirname(target))).toEqual(['student']);
    for (const { path, bytes } of filesAt(100).filter((file) => file.path.startsWith('student/')))
      expect(Buffer.compare(readFileSync(join(target, path.slice('student/'.length))), bytes)).toBe(0);
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toContain('max_length=48');
    const sums = exported.files.map(
      ({ path }) => `${sha256(readFileSync(join(target, path), 'utf8'))}  ${path}\n`,
    );
    expect(readFileSync(join(target, 'SHA256SUMS'), 'utf8')).toBe(sums.join(''));
    expect(exported.files.map((file) => file.path)).toEqual(names.filter((name) => name !== 'SHA256SUMS'));
  });

  it('of the same generation has the same bytes', async () => {
    const { generation, root } = await ready();
    await exportHuggingFace(generation, join(root, 'a'), { force: false });
    await exportHuggingFace(generation, join(root, 'b'), { force: false });
    const [a, b] = ['a', 'b'].map((name) => readFileSync(join(root, name, 'SHA256SUMS'), 'utf8'));
    expect(a).toBe(b);
  });
});

describe('what is in the way', () => {
  it('is refused, an earlier export too', async () => {
    const { generation, target } = await ready();
    await exportHuggingFace(generation, target, { force: false });
    await expect(exportHuggingFace(generation, target, { force: false })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/earlier export.*--force/),
    });
  });

  it('is replaced with force, if it is an earlier export', async () => {
    const { root, generation, target } = await ready();
    await exportHuggingFace(generation, target, { force: false });
    writeFileSync(join(target, 'mine.txt'), 'a note');
    const next = await generationIn(root, 200);
    await exportHuggingFace(next, target, { force: true });
    expect(readdirSync(target).sort()).toEqual(names);
    expect(readFileSync(join(target, 'vocab.txt'), 'utf8')).toContain('200');
    expect(readdirSync(dirname(target))).toEqual(['student']);
  });

  it.each(['directory', 'empty directory', 'file'])(
    'is never replaced when it is another %s',
    async (kind) => {
      const { generation, target } = await ready();
      mkdirSync(dirname(target), { recursive: true });
      if (kind === 'file') writeFileSync(target, 'precious');
      else mkdirSync(target);
      if (kind === 'directory') writeFileSync(join(target, 'precious'), '');
      for (const force of [false, true])
        await expect(exportHuggingFace(generation, target, { force })).rejects.toMatchObject({
          code: 'USAGE',
        });
    },
  );

  it('is never the root directory', async () => {
    const { generation } = await ready();
    await expect(exportHuggingFace(generation, '/', { force: true })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});

describe('a damaged student', () => {
  it('is not exported', async () => {
    const { generation, target } = await ready();
    appendFileSync(join(generation.directory, 'student', 'vocab.txt'), 'x');
    await expect(exportHuggingFace(generation, target, { force: false })).rejects.toMatchObject({
      code: 'GENERATION_DAMAGED',
      message: expect.stringContaining('student/vocab.txt'),
    });
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  it('with a file missing on the disk is named', async () => {
    const { generation, target } = await ready();
    rmSync(join(generation.directory, 'student', 'config.json'));
    await expect(exportHuggingFace(generation, target, { force: false })).rejects.toMatchObject({
      code: 'GENERATION_DAMAGED',
      message: expect.stringContaining('config.json'),
    });
  });

  it('that no server could load is refused before anything is written', async () => {
    const { root, target } = await ready();
    const { store } = await storeAt(join(root, 'generations'));
    const snapshot = snapshotAt({ cursor: 300 });
    const files = snapshot.files.filter((file) => file.path !== 'student/tokenizer.json');
    const generation = await store.publish({ ...snapshot, files }, promote);
    await expect(exportHuggingFace(generation, target, { force: false })).rejects.toThrow(
      /no student\/tokenizer\.json/,
    );
  });
});

async function vocabularyAt(files: Files, target: string): Promise<string | null> {
  const file = await files.openRead(join(target, 'vocab.txt'));
  if (!file) return null;
  const buffer = new Uint8Array(100);
  return Buffer.from(buffer.subarray(0, await file.read(buffer))).toString();
}

describe.each([false, true])('a crash of an export, force %s', (force) => {
  it('leaves the target absent, old or complete, also when the power goes', async () => {
    for (let n = 1, done = false; !done; n++) {
      const disk = new MemoryDisk();
      const old = await generationIn('/data', 100, disk);
      if (force) await exportHuggingFace(old, '/models/student', { force, files: disk });
      const next = await generationIn('/data', 200, disk);
      done = await exportHuggingFace(next, '/models/student', {
        force,
        files: withFault(disk, killed(n)),
      }).then(
        () => true,
        () => false,
      );
      const survivor = disk.powerLoss(randomFor(n, 'power'));
      const found = await survivor.list('/models/student');
      const complete = found?.length === names.length;
      expect(complete || (found === null && !done)).toBe(true);
      const vocabulary = await vocabularyAt(survivor, '/models/student');
      expect(['[PAD]\n200\n', ...(done ? [] : [null, '[PAD]\n100\n'])]).toContain(vocabulary);
      await exportHuggingFace(next, '/models/student', { force: true, files: survivor });
      expect(await vocabularyAt(survivor, '/models/student')).toBe('[PAD]\n200\n');
      expect((await survivor.list('/models'))!.map((entry) => entry.name)).toEqual(['student']);
    }
  });
});
