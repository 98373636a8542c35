// Invariants:
// - a file larger than the pieces it is read in comes back as it was written
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { digestFile, readFile, writeFile } from '../../src/checkpoint/file-tree.fs.ts';
import { diskFiles } from '../../src/checkpoint/files.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';

it('reads back a file of several pieces', async () => {
  const path = join(temporaryDirectory(), 'weights');
  const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 2_654_435_761) >>> 24);
  await writeFile(diskFiles, path, bytes);
  expect(Buffer.compare((await readFile(diskFiles, path))!, bytes)).toBe(0);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(await digestFile(diskFiles, path)).toEqual({ bytes: 700_000, sha256 });
});
