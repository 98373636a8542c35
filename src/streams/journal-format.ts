// Groups and other values as bytes, as the journal stores them. Format 2:
//   value     uint32 LE: CRC-32 of the payload, begun with that of "<area>/<slot>", so that a value that got
// into another place is found out; then the payload
//   document  payload: what a result says (see packDocument). Stored once for many groups, which refer to it
//   group     payload: 32 bytes, the hash chain up to and with this group; then the group (see encodeGroup)
//   memory    payload: a group with its documents, which it outlives in the ring (see packMemory)
//   member    payload: float64 LE, the sequence number of the group in that slot of the memory
//   others    payload: JSON, or what the intake gave
// The chain: SHA-256(chain before || bytes of the group), begun with 32 zero bytes. A reference is a hash of
// the document, so the chain vouches for the texts too.
import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Group, Result } from '../contract.ts';
import { RestillError } from '../errors.ts';

export const formatVersion = 2;
const chainBytes = 32;
export const chainStart = Buffer.alloc(chainBytes);
const sumBytes = 4;

/** What a result says, whatever happened to it. */
export type DocumentTexts = Pick<Result, 'documentId' | 'title' | 'summary'>;

/** A document's texts as bytes: each uint32 LE bytes, UTF-8. */
export const packDocument = ({ documentId, title, summary }: DocumentTexts): Buffer =>
  packTexts([documentId, title, summary]);

export const unpackDocument = (packed: Buffer): DocumentTexts =>
  documentOfTexts(unpackTexts(packed, 0, 3).texts);

function documentOfTexts(texts: readonly string[]): DocumentTexts {
  const [documentId, title, summary] = texts as [string, string, string];
  return { documentId, title, summary };
}

/** What a group calls a document by: 128 bits of the SHA-256 of its bytes, in 22 letters. */
export const referenceOf = (packed: Uint8Array): string =>
  hash('sha256', packed, 'buffer').subarray(0, 16).toString('base64url');

/**
 * A group as a list of numbers and a list of texts: nothing to quote, so three times as fast as JSON, and
 * exact. (But for one thing: half of a surrogate pair, which is no text, becomes U+FFFD.)
 * @param references of the documents, in the order of the results.
 * @returns the bytes, after `headroom` bytes that are left for the caller.
 */
export function encodeGroup(
  group: Group,
  references: readonly string[] = group.results.map((result) => referenceOf(packDocument(result))),
  headroom = 0,
): Buffer {
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
  for (const { position, propensity, clicked, satisfied } of results)
    numbers.push(position, propensity, (clicked ? 1 : 0) + (satisfied ? 2 : 0));
  for (const pair of pairs) numbers.push(pair);
  for (const { better, worse, weight } of preferences) numbers.push(better, worse, weight);
  const texts = [group.impressionId, group.query, group.queryKey, origin.topic];
  return packLists(numbers, { texts, references }, headroom);
}

/** @param documentOf what a reference stands for; asked in the order of the results. */
export function decodeGroup(encoded: Buffer, documentOf: (reference: string) => DocumentTexts): Group {
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
    const { documentId, title, summary } = documentOf(nextText());
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

/** The sequence number of an encoded group: the first of its numbers. */
export const sequenceOf = (encoded: Buffer): number => encoded.readDoubleLE(8);

/** A group with its documents: uint32 LE bytes of the group, the group, the texts of each result. */
export function packMemory(group: Group): Buffer {
  const packed = group.results.map(packDocument);
  const encoded = encodeGroup(group, packed.map(referenceOf));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(encoded.length);
  return Buffer.concat([length, encoded, ...packed]);
}

export function unpackMemory(payload: Buffer): Group {
  const end = 4 + payload.readUInt32LE(0);
  const encoded = payload.subarray(4, end);
  let at = end;
  return decodeGroup(encoded, () => {
    const { texts, end: next } = unpackTexts(payload, at, 3);
    at = next;
    return documentOfTexts(texts);
  });
}

/**
 * uint32 count of numbers, uint32 count of texts, float64 each number, then the texts: uint32 bytes, UTF-8.
 */
function packLists(
  numbers: readonly number[],
  { texts, references }: { readonly texts: readonly string[]; readonly references: readonly string[] },
  headroom: number,
): Buffer {
  // All in one, because they are short and many.
  const rest = references.map((reference) => referenceHead + reference).join('');
  const textsFrom = headroom + 8 + 8 * numbers.length;
  const packed = Buffer.allocUnsafe(textsFrom + packedLength(texts) + rest.length);
  // Several times as fast as the methods of Buffer.
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  view.setUint32(headroom, numbers.length, true);
  view.setUint32(headroom + 4, texts.length + references.length, true);
  let at = headroom + 8;
  for (const number of numbers) {
    view.setFloat64(at, number, true);
    at += 8;
  }
  packed.write(rest, writeTexts(packed, textsFrom, texts), 'latin1');
  return packed;
}

/** Comes before a reference where it is packed as a text: its length, 22, as uint32 LE. */
const referenceHead = '\u0016\0\0\0';

function unpackLists(packed: Buffer): { numbers: number[]; texts: string[] } {
  const numbers = new Array<number>(packed.readUInt32LE(0));
  for (let index = 0; index < numbers.length; index++) numbers[index] = packed.readDoubleLE(8 + 8 * index);
  return { numbers, texts: unpackTexts(packed, 8 + 8 * numbers.length, packed.readUInt32LE(4)).texts };
}

function packTexts(texts: readonly string[]): Buffer {
  const packed = Buffer.allocUnsafe(packedLength(texts));
  writeTexts(packed, 0, texts);
  return packed;
}

function packedLength(texts: readonly string[]): number {
  let length = 0;
  for (const text of texts) length += 4 + Buffer.byteLength(text, 'utf8');
  return length;
}

/** @returns where they end. */
function writeTexts(packed: Buffer, from: number, texts: readonly string[]): number {
  let at = from;
  for (const text of texts) {
    const length = packed.write(text, at + 4, 'utf8');
    at = packed.writeUInt32LE(length, at) + length;
  }
  return at;
}

function unpackTexts(packed: Buffer, from: number, count: number): { texts: string[]; end: number } {
  const texts = new Array<string>(count);
  let at = from;
  for (let index = 0; index < count; index++) {
    const end = at + 4 + packed.readUInt32LE(at);
    texts[index] = packed.toString('utf8', at + 4, end);
    at = end;
  }
  return { texts, end: at };
}

/** @returns the chain with this group. */
export const link = (chain: Uint8Array, encoded: Uint8Array): Buffer =>
  createHash('sha256').update(chain).update(encoded).digest();

/** A group as a value for one place of the ring, with the chain up to and with it. */
export function sealGroup(
  slot: number,
  group: Group,
  references: readonly string[],
  chainBefore: Uint8Array,
): { value: Buffer; chain: Buffer } {
  const value = encodeGroup(group, references, sumBytes + chainBytes);
  value.set(chainBefore, sumBytes);
  const chain = hash('sha256', value.subarray(sumBytes), 'buffer'); // as `link` does, without a copy
  chain.copy(value, sumBytes);
  value.writeUInt32LE(sumOf('ring', slot, value));
  return { value, chain };
}

/** A payload as a value for one place. */
export function seal(area: string, slot: number | string, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(sumBytes + payload.length);
  value.set(payload, sumBytes);
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
