// What answering with a generation needs of it, and no more: its teacher may be a hundred times as large as
// its student, and a rollback must not wait for it to be read.
import { join } from 'node:path';
import type { GenerationId, Manifest } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { diskFiles, type Files } from './files.fs.ts';
import { readListed } from './listed-file.fs.ts';
import { readManifest } from './verify.fs.ts';

export interface Servable {
  readonly manifest: Manifest;
  /** By path in the generation, each as the manifest's checksum says. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * The files of a generation whose path is wanted. What else it holds is not looked at: `restill generations
 * verify` does that.
 *
 * @throws GENERATION_UNKNOWN, GENERATION_DAMAGED, GENERATION_FOREIGN, STORE_READ_FAILED.
 */
export async function readServable(
  directory: string,
  id: GenerationId,
  isWanted: (path: string) => boolean,
  files: Files = diskFiles,
): Promise<Servable> {
  const folder = join(directory, id);
  if ((await files.list(folder)) === null)
    throw new RestillError(
      'GENERATION_UNKNOWN',
      `no generation ${id} in ${directory}; restill generations list names those there are`,
    );
  const manifest = await readManifest(files, folder, id);
  const read = new Map<string, Uint8Array>();
  for (const file of manifest.files.filter(({ path }) => isWanted(path))) {
    read.set(file.path, await readListed(folder, file, files));
  }
  return { manifest, files: read };
}
