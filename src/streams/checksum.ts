// Tells what a record holds from what another one does.
import { crc32 } from 'node:zlib';
import type { DeadLetter, SourceRecord } from '../contract.ts';

type Content = SourceRecord['value'];

/** CRC-32. Text counts as its UTF-8. */
export const contentChecksum = (key: Content, value: Content): number =>
  crc32(value ?? '', crc32('\0', crc32(key ?? '')));

export function checksumOf(opened: SourceRecord | DeadLetter): number {
  const { key, value } = 'reason' in opened ? opened.record : opened;
  return contentChecksum(key, value);
}
