// One file of a generation, believed only where it is what the manifest lists.
import { join } from 'node:path';
import type { ManifestFile } from '../contract.ts';
import { checkDigest } from './check-digest.ts';
import { readWithDigest } from './file-tree.fs.ts';
import { diskFiles, type Files } from './files.fs.ts';

/**
 * @param folder of the generation.
 * @throws GENERATION_DAMAGED, STORE_READ_FAILED.
 */
export async function readListed(
  folder: string,
  file: ManifestFile,
  files: Files = diskFiles,
): Promise<Uint8Array> {
  const where = join(folder, file.path);
  const found = await readWithDigest(files, where);
  checkDigest(where, file, found?.digest ?? null);
  return found!.content;
}
