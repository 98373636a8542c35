// A model from a hub into the cache.
//
// Invariants:
// 1. A snapshot holds a file only whole and checked; a revision points to a snapshot only when all are there.
// 2. What was received is not asked for again, in this pull or the next one.
// 3. All files are of one commit, also when the branch moves on meanwhile.
import { RestillError } from '../errors.ts';
import { isIndex, modelFiles, weightFiles } from './model-files.ts';
import type { Hub, ModelCache, OnProgress, RemoteFile } from './ports.ts';
import { type ModelReference, referenceText } from './reference.ts';

export interface Pull {
  readonly reference: ModelReference;
  readonly hub: Hub;
  readonly cache: ModelCache;
  readonly onProgress: OnProgress;
}

/**
 * Not guaranteed: two pulls of one model at a time. The hash notices; then the pull is to be repeated.
 *
 * @returns the snapshot's directory.
 * @throws RestillError `HUB_REFUSED`, `HUB_UNREACHABLE`, `MODEL_UNSUPPORTED`, `MODEL_DAMAGED`,
 *   `STORE_WRITE_FAILED`.
 */
export async function pullModel(pull: Pull): Promise<string> {
  const { reference, hub, cache } = pull;
  const { commit, files } = await hub.describe(reference);
  const first = filesOf(reference, files);
  await fetchAll(pull, commit, first);
  const index = first.find(isIndex);
  if (index !== undefined)
    await fetchAll(pull, commit, weightFiles(await cache.readText(commit, index), files));
  await cache.point(reference.revision, commit);
  return cache.directory(commit);
}

function filesOf(reference: ModelReference, listed: readonly string[]): string[] {
  try {
    return modelFiles(listed);
  } catch (error) {
    if (!(error instanceof RestillError)) throw error;
    const message = `${referenceText(reference)} cannot be used: ${error.message}`;
    throw new RestillError(error.code, message, { cause: error });
  }
}

async function fetchAll(pull: Pull, commit: string, files: readonly string[]): Promise<void> {
  const { hub, cache, reference } = pull;
  const { repository } = reference;
  const missing: RemoteFile[] = [];
  for (const file of files)
    if (!(await cache.hasFile(commit, file))) missing.push(await hub.locate({ repository, commit, file }));
  await cache.requireRoom(await bytesToFetch(cache, missing));
  for (const remote of missing) {
    if (!(await cache.hasBlob(remote.blob))) await download(pull, remote);
    await cache.link(commit, remote);
  }
}

async function bytesToFetch(cache: ModelCache, missing: readonly RemoteFile[]): Promise<number> {
  let bytes = 0;
  for (const remote of missing)
    if (!(await cache.hasBlob(remote.blob))) bytes += remote.bytes - (await cache.partialBytes(remote.blob));
  return bytes;
}

/** Connections in a row that break before they bring anything. */
const fruitlessMax = 3;

/** A broken connection is taken up again. */
async function download({ hub, cache, onProgress }: Pull, remote: RemoteFile): Promise<void> {
  const { file, blob, bytes: of } = remote;
  let had = await cache.partialBytes(blob);
  for (let fruitless = 0; had < of; ) {
    const broken = await receive().catch(unlessBroken);
    const has = await cache.partialBytes(blob);
    fruitless = has > had ? 0 : fruitless + 1;
    if (fruitless === fruitlessMax) throw broken ?? nothingCame(remote, has);
    had = has;
  }
  await cache.finish(remote);
  onProgress({ file, done: of, of });

  async function receive(): Promise<null> {
    const transfer = await hub.open(remote, had);
    await cache.append(remote, transfer, (done) => onProgress({ file, done, of }));
    return null;
  }
}

function unlessBroken(error: unknown): RestillError {
  if (error instanceof RestillError && error.code === 'HUB_UNREACHABLE') return error;
  throw error;
}

const nothingCame = ({ file, bytes }: RemoteFile, has: number): RestillError =>
  new RestillError(
    'HUB_UNREACHABLE',
    `the hub ended ${file} after ${has} of ${bytes} bytes; repeat the command later, it goes on from there`,
  );
