// A bundle in an object store. There is no rename there, so what makes a bundle whole is its SHA256SUMS,
// which is put last.
//
// Invariants:
// 1. Where there is a SHA256SUMS, every file that it lists is there and has been read back: also when the
//    upload, or the one that replaces it, breaks off anywhere.
// 2. Nothing that is no part of the bundle is ever replaced or removed.
// 3. The file that servers load is the first to appear: one that polls for version folders (Triton,
//    TensorFlow Serving) sees the folder and the model at once.
import type { ManifestFile } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import type { ByteSource } from '../tensor/safetensors.ts';

/** One bucket. Errors: BUCKET_REFUSED, BUCKET_UNREACHABLE. */
export interface ObjectStore {
  /** As messages name it: `s3://bucket`. */
  readonly name: string;
  /** Keys that begin so, in ascending order; the first thousand. */
  list(prefix: string): Promise<string[]>;
  /** The object appears whole, or not at all; an old one of that key is replaced. */
  put(key: string, content: ByteSource): Promise<void>;
  /** Of all that a reader is given; null where there is no such object. */
  digest(key: string): Promise<{ readonly bytes: number; readonly sha256: string } | null>;
  /** Nothing happens where there is no such object. */
  remove(key: string): Promise<void>;
}

/** A file with its path below the target, and where its bytes come from. */
export interface UploadFile extends ManifestFile {
  readonly content: ByteSource;
}

export interface Upload {
  /** The folder of the version, without a slash at its end. */
  readonly target: string;
  readonly files: readonly UploadFile[];
  /** The path of the one file that servers poll for; null where none does. */
  readonly first: string | null;
  /** The path of the sums. */
  readonly last: string;
  readonly force: boolean;
}

/**
 * Before any work is done for it.
 *
 * @throws RestillError `USAGE` when something is at the target and `force` is not given.
 */
export async function refuseTakenTarget(
  store: ObjectStore,
  { target, last, force }: Pick<Upload, 'target' | 'last' | 'force'>,
): Promise<void> {
  const keys = await store.list(`${target}/`);
  if (keys.length === 0 || force) return;
  const what = keys.includes(`${target}/${last}`)
    ? 'holds an earlier export'
    : `holds objects but no ${last}: an upload that broke off, or none of ours`;
  throw new RestillError(
    'USAGE',
    `${store.name}/${target} ${what}; name another place, or give --force to replace it`,
  );
}

/** @throws RestillError `USAGE` for a target with other things in it, and what the store throws. */
export async function uploadBundle(store: ObjectStore, upload: Upload): Promise<void> {
  const { target, files, last } = upload;
  const key = (path: string) => `${target}/${path}`;
  await refuseTakenTarget(store, upload);
  const there = await store.list(`${target}/`);
  const ours = new Set(files.map(({ path }) => key(path)));
  const foreign = there.find((found) => !ours.has(found));
  if (foreign !== undefined)
    throw new RestillError(
      'USAGE',
      `${store.name}/${foreign} is no file of this export: it is another format's, or none of ours; ` +
        'name another place, or remove it',
    );
  if (there.includes(key(last))) await store.remove(key(last));
  for (const file of inOrder(upload)) await putChecked(store, key(file.path), file);
}

/** Puts a file that is not there yet; one that is stays as it is, whatever it says. */
export async function uploadOnce(store: ObjectStore, folder: string, file: UploadFile): Promise<void> {
  const key = `${folder}/${file.path}`;
  // Keys ascend, so its own is the first of those that begin like it.
  if ((await store.list(key))[0] !== key) await putChecked(store, key, file);
}

function inOrder({ files, first, last }: Upload): UploadFile[] {
  const rank = ({ path }: UploadFile): number => (path === first ? 0 : path === last ? 2 : 1);
  const sorted = [...files].sort((a, b) => rank(a) - rank(b));
  assert(first === null || sorted[0]?.path === first, `a bundle has ${first}`);
  assert(sorted.at(-1)?.path === last, `a bundle has ${last}`);
  return sorted;
}

/** What a reader will be given is what counts: neither an ETag nor a store's own word for a checksum does. */
async function putChecked(store: ObjectStore, key: string, file: UploadFile): Promise<void> {
  await store.put(key, file.content);
  const found = await store.digest(key);
  if (found?.sha256 === file.sha256 && found.bytes === file.bytes) return;
  const what = found === null ? 'is not there' : `has ${found.bytes} bytes with SHA-256 ${found.sha256}`;
  throw new RestillError(
    'BUCKET_REFUSED',
    `${store.name}/${key} ${what} after it was put, expected ${file.bytes} bytes with ${file.sha256}; ` +
      'does another process write there? Repeat the command with --force',
  );
}
