// An export to an object store: made whole in a directory of its own first, then uploaded below the number of
// its generation.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Format, modelFiles } from '../checkpoint/bundle.ts';
import { digestFile } from '../checkpoint/file-tree.fs.ts';
import { diskFiles } from '../checkpoint/files.fs.ts';
import { type Exported, sumsName } from '../checkpoint/new-directory.fs.ts';
import { openBucket } from '../checkpoint/object-store.s3.ts';
import { parseS3Address } from '../checkpoint/s3-address.ts';
import { refuseTakenTarget, type UploadFile, uploadBundle, uploadOnce } from '../checkpoint/upload.ts';
import { assert } from '../errors.ts';
import { fileSource } from '../tensor/model-directory.fs.ts';

export interface S3Export {
  /** `s3://BUCKET/PREFIX`. */
  readonly out: string;
  /** The number of the generation. */
  readonly version: number;
  readonly format: Format;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly force: boolean;
}

/** An own endpoint takes any region, as long as one is named. */
const anyRegion = 'us-east-1';

/**
 * @param write exports into the directory it is given, and to the version folder in it where it makes one.
 * @returns as an export to a directory, with the address in its place.
 * @throws RestillError `USAGE`, `PACKAGE_MISSING`, `BUCKET_REFUSED`, `BUCKET_UNREACHABLE`, and what `write`
 *   throws.
 */
export async function exportToS3(
  o: S3Export,
  write: (directory: string) => Promise<Exported>,
): Promise<Exported> {
  const { bucket, prefix } = parseS3Address(o.out);
  const store = await openBucket({ bucket, ...whereFrom(o, process.env) });
  const staging = mkdtempSync(join(tmpdir(), 'restill-export-'));
  try {
    const target = { target: `${prefix}/${o.version}`, last: sumsName, force: o.force };
    await refuseTakenTarget(store, target);
    const root = join(staging, 'export');
    const hasVersions = o.format === 'triton' || o.format === 'tfserving';
    const exported = await write(hasVersions ? root : join(root, String(o.version)));
    if (o.format === 'triton') await uploadOnce(store, prefix, await fileAt(root, 'config.pbtxt'));
    const paths = [...exported.files.map(({ path }) => path), sumsName];
    const files = await Promise.all(paths.map((path) => fileAt(exported.directory, path)));
    await uploadBundle(store, { ...target, files, first: hasVersions ? modelFiles[o.format] : null });
    return { ...exported, directory: `${store.name}/${target.target}` };
  } finally {
    store.close();
    rmSync(staging, { recursive: true, force: true });
  }
}

async function fileAt(directory: string, path: string): Promise<UploadFile> {
  const digest = await digestFile(diskFiles, join(directory, path));
  assert(digest !== null, `${path} has been exported`);
  return { path, ...digest, content: fileSource(directory, path) };
}

/** The variables are the SDK's own; it takes a virtual host for each bucket unless it is told not to. */
function whereFrom(
  o: S3Export,
  env: Readonly<Record<string, string | undefined>>,
): { endpoint: string | null; region: string | null } {
  const endpoint = o.endpoint ?? (env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || null);
  const region = o.region ?? (env.AWS_REGION || null);
  return { endpoint, region: region ?? (endpoint === null ? null : anyRegion) };
}
