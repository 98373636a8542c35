// What the store and the export do with files, composed of single operations that may each fail.
import { createHash, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { RestillError } from '../errors.ts';
import type { Files, InputFile, OutputFile } from './files.fs.ts';

/** Memory for reading a file piece by piece, however large the file is. */
const chunkBytes = 1 << 18;

export interface Digest {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Creates or empties the file; its content is durable afterwards, its name after `syncDirectory`. */
export async function writeFile(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  await writing(files, path, (file) => writeAll(file, path, bytes));
}

/** In one write where the disk takes it. The content is durable, a new name is after `syncDirectory`. */
export async function appendFile(files: Files, path: string, bytes: Uint8Array): Promise<void> {
  await filling(files.append(path), (file) => writeAll(file, path, bytes));
}

/** Null where there is no such file. */
export async function readFile(files: Files, path: string): Promise<Uint8Array | null> {
  return (await readWithDigest(files, path))?.content ?? null;
}

/** Null where there is no such file. */
export async function readWithDigest(
  files: Files,
  path: string,
): Promise<{ readonly content: Uint8Array; readonly digest: Digest } | null> {
  const chunks: Uint8Array[] = [];
  const digest = await readChunks(files, path, async (chunk) => {
    chunks.push(Buffer.from(chunk)); // the next read overwrites the chunk, and slice() of a Buffer is a view
  });
  return digest && { content: Buffer.concat(chunks), digest };
}

export function digestFile(files: Files, path: string): Promise<Digest | null> {
  return readChunks(files, path, async () => {});
}

/** Durable content as in `writeFile`. Returns the digest of what was copied; null where there is nothing. */
export function copyFile(files: Files, from: string, to: string): Promise<Digest | null> {
  return writing(files, to, (file) => readChunks(files, from, (chunk) => writeAll(file, to, chunk)));
}

/** Replaces the file as a whole: whoever reads it sees the old or the new content. Durable afterwards. */
export async function replaceFile(
  files: Files,
  directory: string,
  name: string,
  bytes: Uint8Array,
  temporary = temporaryName(name),
): Promise<void> {
  const fresh = join(directory, temporary);
  await writeFile(files, fresh, bytes);
  await files.rename(fresh, join(directory, name));
  await files.syncDirectory(directory);
}

/** What `replaceFile` may leave behind when it is killed. */
export const temporaryName = (name: string): string => `.${name}.new`;

/** For a file that several processes replace. Of containers that share a volume many have one process id. */
export const ownTemporaryName = (name: string): string => temporaryName(`${name}.${randomUUID()}`);

/** Makes the directory and the missing ones above it, each durable before the next. */
export async function makeDirectories(files: Files, path: string): Promise<void> {
  if ((await files.list(path)) !== null) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectories(files, parent);
  if (await files.makeDirectory(path)) await files.syncDirectory(parent);
}

/**
 * Paths relative to `directory`, sorted. Empty directories end in a slash; what is neither file nor directory
 * (a symbolic link, a socket) ends in `@`: neither can be mistaken for a file that belongs there.
 */
export async function listTree(files: Files, directory: string, prefix = ''): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of (await files.list(join(directory, prefix))) ?? []) {
    const path = prefix + entry.name;
    if (entry.kind === 'file') paths.push(path);
    else if (entry.kind === 'other') paths.push(`${path}@`);
    else {
      const inside = await listTree(files, directory, `${path}/`);
      paths.push(...(inside.length > 0 ? inside : [`${path}/`]));
    }
  }
  return paths.sort();
}

/** Nothing happens where there is no such directory. Symbolic links are removed, not followed. */
export async function removeTree(files: Files, directory: string): Promise<void> {
  const entries = await files.list(directory);
  if (entries === null) return;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.kind === 'directory') await removeTree(files, path);
    else await files.removeFile(path);
  }
  await files.removeDirectory(directory);
}

/** Makes the directories that the paths need below `root`. Returns all of them in the order to sync them. */
export async function makeSubdirectories(
  files: Files,
  root: string,
  paths: readonly string[],
): Promise<string[]> {
  const needed = new Set<string>();
  for (const path of paths)
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) needed.add(parent);
  const topDown = [...needed].sort();
  for (const directory of topDown) await files.makeDirectory(join(root, directory));
  return [...topDown.reverse().map((directory) => join(root, directory)), root];
}

const writing = <T>(files: Files, path: string, fill: (file: OutputFile) => Promise<T>): Promise<T> =>
  filling(files.create(path), fill);

async function filling<T>(opening: Promise<OutputFile>, fill: (file: OutputFile) => Promise<T>): Promise<T> {
  const file = await opening;
  let result: T;
  try {
    result = await fill(file);
    // After a failed fsync the kernel may have dropped the pages and call the next one a success ("Can
    // Applications Recover from fsync Failures?", USENIX ATC 2020). So no file is ever synced twice.
    await file.sync();
  } catch (error) {
    await file.close().catch(() => {}); // the first error is the one that says what went wrong
    throw error;
  }
  await file.close();
  return result;
}

async function writeAll(file: OutputFile, path: string, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const taken = await file.write(bytes.subarray(done));
    if (taken <= 0)
      throw new RestillError(
        'STORE_WRITE_FAILED',
        `${path} takes no more than ${done} of ${bytes.byteLength} bytes; free some space and start again`,
      );
    done += taken;
  }
}

async function readChunks(
  files: Files,
  path: string,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<Digest | null> {
  const file = await files.openRead(path);
  if (file === null) return null;
  try {
    return await digestChunks(file, take);
  } finally {
    await file.close();
  }
}

async function digestChunks(file: InputFile, take: (chunk: Uint8Array) => Promise<void>): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  for (;;) {
    const count = await file.read(buffer);
    if (count === 0) return { bytes, sha256: hash.digest('hex') };
    const chunk = buffer.subarray(0, count);
    hash.update(chunk);
    bytes += count;
    await take(chunk);
  }
}
