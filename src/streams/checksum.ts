// Tells what a record holds from what another one does.
import { crc32 } from 'node:zlib';
import type { DeadLetter, SourceRecord } from '../contract.ts';

type Content = SourceRecord['value'];

/** Comes between key and value. As a text it would be turned into bytes each time. */
const separator = Uint8Array.of(0);

/** CRC-32. Text counts as its UTF-8. */
export const contentChecksum = (key: Content, value: Content): number =>
  continued(value, crc32(separator, continued(key, 0)));

/** zlib says 0 of no bytes that lie nowhere (out of a structured clone, say), whatever came before them. */
const continued = (content: Content, sum: number): number =>
  content === null || content.length === 0 ? sum : crc32(content, sum);

export function checksumOf(opened: SourceRecord | DeadLetter): number {
  const { key, value } = 'reason' in opened ? opened.record : opened;
  return contentChecksum(key, value);
}
