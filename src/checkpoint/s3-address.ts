// Where an export to an object store goes: `s3://BUCKET/PREFIX`.
import { RestillError } from '../errors.ts';

export interface S3Address {
  readonly bucket: string;
  /** Without a slash at either end; below it stands one folder for each version. */
  readonly prefix: string;
}

/** Whether `--out` names an object store and not a directory. */
export const isS3Address = (text: string): boolean => /^s3:/i.test(text);

/** @throws RestillError `USAGE` naming what is wrong. */
export function parseS3Address(text: string): S3Address {
  const [, bucket, prefix] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/+(.*?)\/*$/.exec(text) ?? [];
  if (bucket === undefined || prefix === undefined || prefix === '')
    throw misfit(text, 'it needs a bucket and a prefix');
  const parts = prefix.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw misfit(text, 'parts of its prefix are empty or dots');
  // What some stores and most tools take in a key without encoding it.
  if (!parts.every((part) => /^[\w!.*'()-]+$/.test(part)))
    throw misfit(text, "its prefix may hold letters, digits and !-_.*'() only");
  return { bucket, prefix };
}

const misfit = (text: string, why: string): RestillError =>
  new RestillError('USAGE', `"${text}" is no place to export to: ${why}; give s3://BUCKET/PREFIX`);
