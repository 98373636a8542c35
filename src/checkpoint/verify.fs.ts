// Reading a generation back: nothing in it is believed before it matches the manifest.
import { join } from 'node:path';
import type { Generation, GenerationId, Manifest, ManifestFile } from '../contract.ts';
import { checkDigest, damaged } from './check-digest.ts';
import { digestFile, listTree, readFile } from './file-tree.fs.ts';
import type { Files } from './files.fs.ts';
import { decodeManifest, manifestName } from './manifest.ts';

/**
 * The manifest alone: its version, its seal, and that it belongs to this directory.
 *
 * @throws GENERATION_DAMAGED, GENERATION_FOREIGN (unknown version), STORE_READ_FAILED.
 */
export async function readManifest(files: Files, directory: string, id: GenerationId): Promise<Manifest> {
  const path = join(directory, manifestName);
  const bytes = await readFile(files, path);
  if (bytes === null) throw damaged(path, 'it is missing');
  const manifest = decodeManifest(bytes, path);
  if (manifest.id !== id) throw damaged(path, `it describes ${manifest.id}, its directory is named ${id}`);
  return manifest;
}

/**
 * Version, seal, set of files (none missing, none extra), sizes and checksums. Errors as in `readManifest`.
 *
 * @param isChecked files whose content is read; of the others only the names.
 */
export async function verifyGeneration(
  files: Files,
  directory: string,
  id: GenerationId,
  isChecked: (file: ManifestFile, manifest: Manifest) => boolean = () => true,
): Promise<Generation> {
  const manifest = await readManifest(files, directory, id);
  const expected = new Set([manifestName, ...manifest.files.map((file) => file.path)]);
  const found = new Set(await listTree(files, directory));
  for (const path of found)
    if (!expected.has(path)) throw damaged(join(directory, path), 'it is not in the manifest');
  for (const path of expected) if (!found.has(path)) throw damaged(join(directory, path), 'it is missing');
  for (const file of manifest.files.filter((each) => isChecked(each, manifest)))
    checkDigest(join(directory, file.path), file, await digestFile(files, join(directory, file.path)));
  return { manifest, directory };
}

/** Read in a fraction of a second. */
const promptBytes = 1 << 27;

/**
 * What a command that must not keep anybody waiting checks: all of a small generation, of a large one what
 * serves.
 */
export const isServed = ({ path }: ManifestFile, { files }: Manifest): boolean =>
  path.startsWith('student/') || files.reduce((sum, { bytes }) => sum + bytes, 0) <= promptBytes;
