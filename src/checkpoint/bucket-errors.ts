// What the errors of an S3 client mean to whoever exports: which of bucket, credentials, permission, region
// and network it is, and what to do.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import { type ErrorCode, RestillError } from '../errors.ts';

/** Where it was asked. */
export interface Asked {
  readonly bucket: string;
  /** Null: S3's own. */
  readonly endpoint: string | null;
}

/** The SDK's errors, and Node's under it: names rather than classes, as some stores have more than S3. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const permissions = 's3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload';

/** Name of the error -> what it means and what to do. */
const refusals: Readonly<Record<string, string>> = {
  NoSuchBucket: 'has no such bucket: make it, or check --out and --s3-endpoint',
  AccessDenied: `does not allow it to these credentials: they need ${permissions}`,
  InvalidAccessKeyId: 'does not know these credentials: check AWS_ACCESS_KEY_ID or the profile',
  SignatureDoesNotMatch: 'rejects the signature: check AWS_SECRET_ACCESS_KEY, and --s3-region',
  ExpiredToken: 'says that the credentials have expired: fetch new ones and repeat the command',
  RequestTimeTooSkewed: 'has another time than this machine: set the clock',
  AuthorizationHeaderMalformed: 'has its buckets in another region: give it as --s3-region',
  PermanentRedirect: 'has this bucket in another region: give it as --s3-region',
  CredentialsProviderError:
    'wants credentials and there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
};

const unreachableCodes = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE'];
const unreachableNames = [
  'TimeoutError',
  'SlowDown',
  'RequestTimeout',
  'InternalError',
  'ServiceUnavailable',
];

export function bucketError(error: unknown, asked: Asked): RestillError {
  if (error instanceof RestillError) return error;
  const { name = '', message = '', code = '', $metadata } = error as Failure;
  const cause = withoutRequest(error as Failure);
  const at = `${asked.endpoint ?? 'S3'}, asked for the bucket ${asked.bucket},`;
  const fail = (kind: ErrorCode, what: string) => new RestillError(kind, `${at} ${what}`, { cause });
  if (name === 'Error' && message === 'Region is missing')
    return new RestillError('USAGE', 'no region is known: give --s3-region, or set AWS_REGION', { cause });
  const status = $metadata?.httpStatusCode ?? 0;
  if (
    unreachableCodes.includes(code) ||
    unreachableNames.includes(name) ||
    (status >= 500 && status !== 501) ||
    status === 429
  )
    return fail(
      'BUCKET_UNREACHABLE',
      `does not answer (${message || code || name}): check --s3-endpoint, and repeat the command`,
    );
  const known = refusals[name] ?? (status === 403 ? refusals.AccessDenied : undefined);
  if (known !== undefined) return fail('BUCKET_REFUSED', known);
  return fail('BUCKET_REFUSED', `answers ${[name, message].filter((part) => part !== '').join(': ')}`);
}

/** The SDK hangs the answer on its errors, and on that the request with its signature: not for logs. */
function withoutRequest({ name = 'Error', message = '', code, $metadata }: Failure): Error {
  const status = $metadata?.httpStatusCode;
  return Object.assign(new Error(message), { name, ...(code && { code }), ...(status && { status }) });
}
