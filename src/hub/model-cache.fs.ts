// One model's folder of the Hugging Face cache, in the layout that huggingface_hub reads and writes
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache):
//
//   models--ORG--NAME/
//     refs/main                      the commit that the branch stood for when it was last asked for
//     blobs/<etag>                   content, under the name that the hub gives it
//     blobs/<etag>.incomplete        what there is of one that is being fetched
//     snapshots/<commit>/config.json -> ../../blobs/<etag>
import {
  access,
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  symlink,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { assert, RestillError } from '../errors.ts';
import { contentCheck } from './etag.ts';
import type { ModelCache, RemoteFile, Transfer } from './ports.ts';
import { cacheFolder, isCommit, isPlainPath, type ModelReference } from './reference.ts';

/** @param directory the cache; made where it is missing. */
export function openModelCache(directory: string, reference: ModelReference): ModelCache {
  const folder = join(directory, cacheFolder(reference));
  const blobPath = (blob: string): string => join(folder, 'blobs', blob);
  const partialPath = (blob: string): string => `${blobPath(blob)}.incomplete`;
  const snapshotPath = (commit: string, file: string): string => {
    assert(isCommit(commit), `${commit} is no commit`);
    if (isPlainPath(file)) return join(folder, 'snapshots', commit, file);
    throw new RestillError(
      'HUB_REFUSED',
      `the model has a file ${JSON.stringify(file)}, a name that could leave the cache; ` +
        'do not use this model',
    );
  };
  return {
    directory: (commit) => dirname(snapshotPath(commit, 'any')),
    hasFile: (commit, file) => isThere(snapshotPath(commit, file)),
    readText: (commit, file) => onDisk('read', folder, () => readFile(snapshotPath(commit, file), 'utf8')),
    hasBlob: (blob) => isThere(blobPath(blob)),
    partialBytes: (blob) => bytesOf(partialPath(blob)),
    append: (remote, transfer, onBytes) => append(partialPath(remote.blob), remote, transfer, onBytes),
    finish: (remote) => finish(partialPath(remote.blob), blobPath(remote.blob), remote),
    async link(commit, { file, blob }) {
      const path = snapshotPath(commit, file);
      await writing(path, async () => {
        await mkdir(dirname(path), { recursive: true });
        await rm(path, { force: true }); // a link to a blob that is gone
        await symlink(relative(dirname(path), blobPath(blob)), path);
      });
    },
    async point(revision, commit) {
      assert(isPlainPath(revision) && isCommit(commit), `${revision} cannot stand for ${commit}`);
      if (revision === commit) return;
      const path = join(folder, 'refs', revision);
      await writing(path, () => replaceText(path, commit));
    },
    async requireRoom(bytes) {
      const { bavail, bsize } = await writing(folder, async () => {
        await mkdir(folder, { recursive: true });
        return statfs(folder);
      });
      if (bytes > bavail * bsize) throw full(folder, bytes, bavail * bsize);
    },
  };
}

async function append(
  path: string,
  { file, bytes }: RemoteFile,
  { from, body }: Transfer,
  onBytes: (done: number) => void,
): Promise<void> {
  let done = from;
  const handle = await writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(path, 'a');
  });
  try {
    await writing(path, () => cutAt(handle, from));
    for await (const chunk of body) {
      done += chunk.length;
      if (done > bytes)
        throw new RestillError('HUB_REFUSED', `the hub sends more of ${file} than the ${bytes} bytes it has`);
      await writing(path, () => handle.appendFile(chunk));
      onBytes(done);
    }
  } finally {
    await handle.close();
  }
}

/** A device has no length to cut, and nothing to drop either. */
async function cutAt(handle: FileHandle, bytes: number): Promise<void> {
  if ((await handle.stat()).size > bytes) await handle.truncate(bytes);
}

/** Only a file that is whole and on the disk gets its name. */
async function finish(partial: string, blob: string, { file, bytes, blob: name }: RemoteFile): Promise<void> {
  const check = contentCheck(name, bytes);
  let size = 0;
  await writing(partial, async () => {
    const handle = await open(partial, 'a+'); // also makes an empty file, for which nothing was fetched
    try {
      await handle.sync();
      for await (const chunk of handle.createReadStream({ start: 0, autoClose: false })) {
        size += (chunk as Buffer).length;
        check.update(chunk as Buffer);
      }
    } finally {
      await handle.close();
    }
  });
  if (size === bytes && check.matches()) return writing(blob, () => rename(partial, blob));
  await writing(partial, () => rm(partial, { force: true }));
  throw new RestillError(
    'MODEL_DAMAGED',
    `${file} arrived with ${size} of ${bytes} bytes and ${size === bytes ? 'another' : 'no right'} hash, ` +
      `expected ${name}; it was thrown away, repeat the command`,
  );
}

async function replaceText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.restill.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false, // also for a link to a blob that is gone: it is fetched again
  );

async function bytesOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw failed('read', path, error);
  }
}

const writing = <T>(path: string, work: () => Promise<T>): Promise<T> => onDisk('write', path, work);

async function onDisk<T>(doing: 'read' | 'write', path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RestillError ? error : failed(doing, path, error);
  }
}

const failed = (doing: 'read' | 'write', path: string, error: unknown): RestillError =>
  new RestillError(
    doing === 'read' ? 'STORE_READ_FAILED' : 'STORE_WRITE_FAILED',
    `cannot ${doing} ${path}: ${error instanceof Error ? error.message : String(error)}; ` +
      'make room or give another place with --cache or HF_HUB_CACHE, then repeat the command',
    { cause: error },
  );

const full = (path: string, bytes: number, free: number): RestillError =>
  new RestillError(
    'STORE_WRITE_FAILED',
    `the model needs ${bytes} bytes more, and the disk of ${path} has ${free} left; ` +
      'make room or give another place with --cache or HF_HUB_CACHE',
  );
