// Invariants:
// - the files that are wanted are read, each checked; what else a generation holds may be damaged or gone
// - a damaged or missing one among those wanted, and a generation that is not there, are named
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generationId } from '../../src/checkpoint/generation.ts';
import { readServable } from '../../src/checkpoint/servable.fs.ts';
import { twoGenerations } from '../support/snapshots.ts';

const isStudent = (path: string): boolean => path.startsWith('student/');

it('reads what is wanted and looks at nothing else', async () => {
  const { directory, store, second } = await twoGenerations();
  writeFileSync(join(second.directory, 'teacher/model.safetensors'), 'damaged');
  rmSync(join(second.directory, 'optimizer.safetensors'));
  const { manifest, files } = await readServable(directory, second.manifest.id, isStudent);
  expect(manifest).toEqual(second.manifest);
  expect([...files.keys()]).toEqual(manifest.files.map(({ path }) => path).filter(isStudent));
  const weights = 'student/model.safetensors';
  expect(Buffer.from(files.get(weights)!)).toEqual(Buffer.from(await store.read(second, weights)));
});

it('names what is damaged, missing or unknown', async () => {
  const { directory, first, second } = await twoGenerations();
  writeFileSync(join(first.directory, 'student/config.json'), '{}');
  rmSync(join(second.directory, 'student/config.json'));
  for (const [{ manifest }, what] of [
    [first, 'it has 2 bytes'],
    [second, 'it is missing'],
  ] as const) {
    const read = readServable(directory, manifest.id, isStudent);
    await expect(read).rejects.toMatchObject({ code: 'GENERATION_DAMAGED' });
    await expect(read).rejects.toThrow(what);
  }
  await expect(readServable(directory, generationId(9), isStudent)).rejects.toMatchObject({
    code: 'GENERATION_UNKNOWN',
  });
});
