// What the cache holds already: the only place that a run looks for `hf:ORG/NAME`. Never the network.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RestillError } from '../errors.ts';
import { isIndex, modelFiles, weightFiles } from './model-files.ts';
import { cacheFolder, isCommit, type ModelReference, referenceText } from './reference.ts';

/**
 * The directory of the snapshot that a revision stands for, as the last pull of it left it, or
 * huggingface_hub.
 *
 * @throws RestillError `MODEL_NOT_CACHED` saying what to pull, also for a snapshot that lacks a file.
 */
export function findSnapshot(cache: string, reference: ModelReference): string {
  const folder = join(cache, cacheFolder(reference));
  const commit = commitOf(folder, reference.revision);
  if (commit === null) throw notCached(reference, cache, 'it is not there');
  const directory = join(folder, 'snapshots', commit);
  try {
    requireWhole(directory);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw notCached(reference, cache, why, error);
  }
  return directory;
}

function commitOf(folder: string, revision: string): string | null {
  const pointer = join(folder, 'refs', revision);
  const commit = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : revision;
  return isCommit(commit) ? commit : null;
}

/** A link to a blob that is gone counts as no file; where a model could do without it, it meant something. */
function requireWhole(directory: string): void {
  const names = readdirSync(directory);
  const isThere = (name: string) => existsSync(join(directory, name));
  const files = modelFiles(names);
  const gone = files.filter((name) => !isThere(name));
  if (gone.length > 0) throw new Error(`the content of ${gone.join(', ')} is gone`);
  const index = files.find(isIndex);
  if (index !== undefined) weightFiles(readFileSync(join(directory, index), 'utf8'), names.filter(isThere));
}

const notCached = (reference: ModelReference, cache: string, why: string, cause?: unknown): RestillError =>
  new RestillError(
    'MODEL_NOT_CACHED',
    `the cache ${cache} does not have ${referenceText(reference)} whole (${why}); ` +
      `fetch it with: restill pull ${referenceText(reference)}`,
    { cause },
  );
