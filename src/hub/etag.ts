// The hub names a file's content by its ETag: git's object id for small files, SHA-256 for large ones (LFS).
// So a download can be checked, and the cache keeps it under that name.
import { createHash } from 'node:crypto';
import { RestillError } from '../errors.ts';

/**
 * The name of a blob.
 *
 * @throws RestillError `HUB_REFUSED` for a header that is missing or could be a path.
 */
export function blobName(header: string | null, file: string): string {
  const name = header?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1') ?? '';
  if (/^[A-Za-z0-9][\w-]{5,127}$/.test(name)) return name;
  throw new RestillError(
    'HUB_REFUSED',
    `the hub gives ${file} the ETag ${JSON.stringify(header)}, which names no content; is HF_ENDPOINT a hub?`,
  );
}

/** Takes the content piece by piece and says at the end whether it is what the name promises. */
export interface ContentCheck {
  update(bytes: Uint8Array): void;
  /** True for a name that is no hash: then there is nothing to compare with. */
  matches(): boolean;
}

/** @param bytes size of the content: a part of git's object id. */
export function contentCheck(blob: string, bytes: number): ContentCheck {
  if (/^[0-9a-f]{64}$/.test(blob)) return checkOf(createHash('sha256'), blob);
  if (!/^[0-9a-f]{40}$/.test(blob)) return { update: () => {}, matches: () => true };
  return checkOf(createHash('sha1').update(`blob ${bytes}\0`), blob);
}

function checkOf(hash: ReturnType<typeof createHash>, expected: string): ContentCheck {
  return { update: (bytes) => void hash.update(bytes), matches: () => hash.digest('hex') === expected };
}
