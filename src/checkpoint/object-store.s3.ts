// A bucket of S3, or of anything that speaks its protocol, through @aws-sdk/client-s3: an optional package,
// loaded when it is needed. Credentials come by the SDK's usual chain; it signs, retries and backs off.
import { createHash } from 'node:crypto';
import type { CompletedPart, S3Client } from '@aws-sdk/client-s3';
import { RestillError } from '../errors.ts';
import type { ByteSource } from '../tensor/safetensors.ts';
import { type Asked, bucketError } from './bucket-errors.ts';
import type { ObjectStore } from './upload.ts';

export interface BucketOptions {
  readonly bucket: string;
  /** Null: the one that S3 has for the region. */
  readonly endpoint: string | null;
  /** Null: as the SDK finds it in the environment or its files. */
  readonly region: string | null;
  /** Of an upload of several parts, at least 5 MiB; one part is in memory at a time. */
  readonly partBytes?: number;
  /** How often a request is tried. */
  readonly attempts?: number;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** S3 takes no more of one object. */
const partsMax = 10_000;
const connectMs = 5_000;
/** For one request: a part of 8 MiB over a slow line. */
const requestMs = 120_000;

/**
 * @param load another way to the package, for tests.
 * @throws RestillError `PACKAGE_MISSING`.
 */
export async function openBucket(
  options: BucketOptions,
  load: () => Promise<Sdk> = () => import('@aws-sdk/client-s3'),
): Promise<ObjectStore & { close(): void }> {
  const sdk = await load().catch((cause: unknown) => {
    throw new RestillError(
      'PACKAGE_MISSING',
      'an address with s3:// needs the package @aws-sdk/client-s3; run `npm install @aws-sdk/client-s3`, ' +
        'or export to a directory and copy it',
      { cause },
    );
  });
  const { bucket, endpoint, region, attempts = 5 } = options;
  const client = new sdk.S3Client({
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      socketTimeout: requestMs,
      throwOnRequestTimeout: true,
    },
    ...(region === null ? {} : { region }),
    // Hosts of one's own seldom have a name for each bucket.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
  });
  const asked: Asked = { bucket, endpoint };
  return {
    ...operations(sdk, client, options, (work) =>
      work.catch((error: unknown) => {
        throw bucketError(error, asked);
      }),
    ),
    name: `s3://${bucket}`,
    close: () => client.destroy(),
  };
}

type Named = <T>(work: Promise<T>) => Promise<T>;

function operations(
  sdk: Sdk,
  client: S3Client,
  { bucket: Bucket, partBytes = 8 << 20 }: BucketOptions,
  named: Named,
): Omit<ObjectStore, 'name'> {
  const list = async (Prefix: string): Promise<string[]> => {
    const { Contents = [] } = await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix }));
    return Contents.map(({ Key }) => Key!);
  };
  const put = async (Key: string, content: ByteSource): Promise<void> => {
    if (content.bytes > partBytes) return putParts(sdk, client, { Bucket, Key }, content, partBytes);
    const Body = content.read(0, content.bytes);
    await client.send(new sdk.PutObjectCommand({ Bucket, Key, Body }));
  };
  const remove = async (Key: string): Promise<void> => {
    await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }));
  };
  return {
    list: (prefix) => named(list(prefix)),
    put: (key, content) => named(put(key, content)),
    digest: (key) => named(digestObject(sdk, client, { Bucket, Key: key })),
    remove: (key) => named(remove(key)),
  };
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** One part after another, each from memory, so that the SDK can send it again. */
async function putParts(
  sdk: Sdk,
  client: S3Client,
  place: Place,
  content: ByteSource,
  partBytes: number,
): Promise<void> {
  const size = Math.max(partBytes, Math.ceil(content.bytes / partsMax));
  // The SDK sends a checksum with each part unless it is configured not to, and the parts are only put
  // together when the upload was announced with it.
  const summed = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
  const announced = summed ? { ...place, ChecksumAlgorithm: sdk.ChecksumAlgorithm.CRC32 } : place;
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(announced));
  const upload = { ...place, UploadId };
  try {
    const parts: CompletedPart[] = [];
    for (let at = 0; at < content.bytes; at += size) {
      const Body = content.read(at, Math.min(size, content.bytes - at));
      const PartNumber = parts.length + 1;
      const { ETag, ChecksumCRC32 } = await client.send(
        new sdk.UploadPartCommand({ ...upload, PartNumber, Body }),
      );
      parts.push({ PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) });
    }
    await client.send(
      new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }),
    );
  } catch (error) {
    // Parts cost until they are dropped. The first error says why; a rule of the bucket's does the rest.
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}

async function digestObject(
  sdk: Sdk,
  client: S3Client,
  place: Place,
): Promise<{ bytes: number; sha256: string } | null> {
  const answer = await client.send(new sdk.GetObjectCommand(place)).catch((error: unknown) => {
    if (error instanceof sdk.NoSuchKey) return null;
    throw error;
  });
  if (answer === null) return null;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of (answer.Body ?? []) as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { bytes, sha256: hash.digest('hex') };
}
