// Groups and other values as bytes, as the journal stores them. Format 1:
//   value     uint32 LE: CRC-32 of the payload, begun with that of "<area>/<slot>", so that a value that got
// into another place is found out; then the payload
//   group     payload: 32 bytes, the hash chain up to and with this group; then the group (see encodeGroup)
//   member    payload: float64 LE, the sequence number of the group in that slot of the memory
//   others    payload: JSON, or what the intake gave
// The chain: SHA-256(chain before || bytes of the group), begun with 32 zero bytes.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Group } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { SharedDocuments } from './shared-documents.ts';

export const formatVersion = 1;
const chainBytes = 32;
export const chainStart = Buffer.alloc(chainBytes);
const sumBytes = 4;

/**
 * A group as a list of numbers and a list of texts: nothing to quote, so three times as fast as JSON, and
 * exact. (But for one thing: half of a surrogate pair, which is no text, becomes U+FFFD.)
 * @param documents remembers the bytes of titles and summaries from group to group.
 * @returns the bytes, after `headroom` bytes that are left for the caller.
 */
export function encodeGroup(group: Group, headroom = 0, documents = new SharedDocuments(1)): Buffer {
  const { origin, results, pairs, preferences } = group;
  const numbers = [
    group.sequence,
    group.timeMs,
    group.newestMs,
    group.holdout ? 1 : 0,
    group.corrects ?? -1,
    origin.partition,
    origin.offset,
    results.length,
    pairs.length,
    preferences.length,
  ];
  const texts = [packTexts([group.impressionId, group.query, group.queryKey, origin.topic])];
  for (const result of results) {
    numbers.push(result.position, result.propensity, (result.clicked ? 1 : 0) + (result.satisfied ? 2 : 0));
    texts.push(packTexts([result.documentId]), documents.bytesOf(result, packTexts));
  }
  for (const pair of pairs) numbers.push(pair);
  for (const { better, worse, weight } of preferences) numbers.push(better, worse, weight);
  return packLists(numbers, { count: 4 + 3 * results.length, packed: texts }, headroom);
}

export function decodeGroup(encoded: Buffer): Group {
  const { numbers, texts } = unpackLists(encoded);
  let number = 0;
  let text = 0;
  const nextNumber = (): number => numbers[number++]!;
  const nextText = (): string => texts[text++]!;
  const times = <T>(count: number, next: () => T): T[] => Array.from({ length: count }, next);

  const [sequence, timeMs, newestMs, holdout, corrects] = times(5, nextNumber) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [partition, offset] = times(2, nextNumber) as [number, number];
  const [resultCount, pairCount, preferenceCount] = times(3, nextNumber) as [number, number, number];
  const [impressionId, query, queryKey, topic] = times(4, nextText) as [string, string, string, string];
  const results = times(resultCount, () => {
    const [position, propensity, clicks] = times(3, nextNumber) as [number, number, number];
    const [documentId, title, summary] = times(3, nextText) as [string, string, string];
    return {
      documentId,
      title,
      summary,
      position,
      propensity,
      clicked: (clicks & 1) !== 0,
      satisfied: (clicks & 2) !== 0,
    };
  });
  const pairs = times(pairCount, nextNumber);
  const preferences = times(preferenceCount, () => ({
    better: nextNumber(),
    worse: nextNumber(),
    weight: nextNumber(),
  }));
  return {
    sequence,
    impressionId,
    timeMs,
    newestMs,
    query,
    queryKey,
    holdout: holdout === 1,
    results,
    pairs,
    preferences,
    corrects: corrects < 0 ? null : corrects,
    origin: { topic, partition, offset },
  };
}

/**
 * uint32 count of numbers, uint32 count of texts, float64 each number, then each text: uint32 bytes, UTF-8.
 */
function packLists(
  numbers: readonly number[],
  texts: { readonly count: number; readonly packed: readonly Buffer[] },
  headroom: number,
): Buffer {
  const bytes = headroom + 8 + 8 * numbers.length + texts.packed.reduce((sum, text) => sum + text.length, 0);
  const packed = Buffer.allocUnsafe(bytes);
  let at = packed.writeUInt32LE(numbers.length, headroom);
  at = packed.writeUInt32LE(texts.count, at);
  for (const number of numbers) at = packed.writeDoubleLE(number, at);
  for (const text of texts.packed) at += text.copy(packed, at);
  assert(at === bytes, `packed ${at} bytes of ${bytes}`);
  return packed;
}

/** Each text: uint32 bytes, UTF-8. */
function packTexts(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text, 'utf8'));
  const packed = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let at = 0;
  texts.forEach((text, i) => {
    at = packed.writeUInt32LE(lengths[i]!, at);
    at += packed.write(text, at, 'utf8');
  });
  return packed;
}

function unpackLists(packed: Buffer): { numbers: number[]; texts: string[] } {
  const numbers = new Array<number>(packed.readUInt32LE(0));
  const texts = new Array<string>(packed.readUInt32LE(4));
  let at = 8;
  for (let index = 0; index < numbers.length; index++, at += 8) numbers[index] = packed.readDoubleLE(at);
  for (let index = 0; index < texts.length; index++) {
    const bytes = packed.readUInt32LE(at);
    texts[index] = packed.toString('utf8', at + 4, at + 4 + bytes);
    at += 4 + bytes;
  }
  assert(at === packed.length, `unpacked ${at} bytes of ${packed.length}`);
  return { numbers, texts };
}

/** @returns the chain with this group. */
export const link = (chain: Uint8Array, encoded: Uint8Array): Buffer =>
  createHash('sha256').update(chain).update(encoded).digest();

/** A group as a value for one place of the ring, with the chain up to and with it. */
export function sealGroup(
  slot: number,
  group: Group,
  chainBefore: Uint8Array,
  documents?: SharedDocuments,
): { value: Buffer; chain: Buffer } {
  const value = encodeGroup(group, sumBytes + chainBytes, documents);
  const chain = link(chainBefore, value.subarray(sumBytes + chainBytes));
  chain.copy(value, sumBytes);
  value.writeUInt32LE(sumOf('ring', slot, value));
  return { value, chain };
}

/** A payload as a value for one place. */
export function seal(area: string, slot: number | string, ...parts: Uint8Array[]): Buffer {
  const value = Buffer.concat([Buffer.alloc(sumBytes), ...parts]);
  value.writeUInt32LE(sumOf(area, slot, value));
  return value;
}

/**
 * The payload of a value, as a view of it.
 * @throws RestillError JOURNAL_DAMAGED if the value is not the one that was written there.
 */
export function unseal(area: string, slot: number | string, value: Buffer): Buffer {
  if (value.length < sumBytes) throw damaged(area, slot, `${value.length} bytes long`);
  const sum = sumOf(area, slot, value);
  const stored = value.readUInt32LE(0);
  if (sum !== stored) throw damaged(area, slot, `checksum ${sum}, stored ${stored}`);
  return value.subarray(sumBytes);
}

/** Group values begin with the chain. */
export const splitGroup = (payload: Buffer): { chain: Buffer; encoded: Buffer } => ({
  chain: payload.subarray(0, chainBytes),
  encoded: payload.subarray(chainBytes),
});

export function packMember(sequence: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeDoubleLE(sequence);
  return payload;
}

export const unpackMember = (payload: Buffer): number => payload.readDoubleLE(0);

export const packJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value), 'utf8');

export function damaged(area: string, slot: number | string, what: string, cause?: unknown): RestillError {
  const todo = 'replay the recording into another data directory, and check the disk';
  return new RestillError('JOURNAL_DAMAGED', `the journal is damaged: ${area} ${slot}: ${what}; ${todo}`, {
    cause,
  });
}

function sumOf(area: string, slot: number | string, value: Buffer): number {
  return crc32(value.subarray(sumBytes), crc32(`${area}/${slot}`));
}
