// Whether a file is what its manifest lists.
import type { ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';

/** @throws GENERATION_DAMAGED when what was read is not what the manifest lists. */
export function checkDigest(
  path: string,
  expected: ManifestFile,
  actual: { readonly bytes: number; readonly sha256: string } | null,
): void {
  if (actual === null) throw damaged(path, 'it is missing');
  if (actual.bytes !== expected.bytes)
    throw damaged(path, `it has ${actual.bytes} bytes, expected ${expected.bytes}`);
  if (actual.sha256 !== expected.sha256)
    throw damaged(path, `its SHA-256 is ${actual.sha256}, expected ${expected.sha256}`);
}

export const damaged = (path: string, what: string): RestillError =>
  new RestillError(
    'GENERATION_DAMAGED',
    `${path}: ${what}; restore it from a copy or use another generation (restill generations verify --all)`,
  );
