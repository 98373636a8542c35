// The envelope of a recorded topic: one JSON object a line with the keys that `kcat -J` prints, in its order.
// Our superset holds bytes that are no text as `key_b64` and `payload_b64`. Unknown keys are ignored, so that
// a dead letter (an envelope with `reason` and `detail`) can be replayed.
//
// Not guaranteed: kcat itself writes bytes that are not UTF-8 raw into the line; they read as U+FFFD.
import { isUtf8 } from 'node:buffer';
import type { DeadLetter, SourceRecord } from '../contract.ts';
import { checksumOf } from './checksum.ts';
import type { PlacedRecord, SourceItem } from './ports.ts';
import { typeName } from './problem.ts';

/** Where a line stood, for the operator. Lines count from 1. */
export interface LinePlace {
  readonly file: string;
  readonly line: number;
}

export const isLetter = (item: object): item is DeadLetter => 'reason' in item;

/** kcat writes the place first, and so do we; any other order of keys is read in full. */
const placeFirst =
  /^\{"topic":"([\w.-]+)","partition":(\d{1,9}),"offset":(\d{1,15}),(?:"tstype":"\w+",)?"ts":(\d{1,15}),/;
const placeBytes = 400;

/** @param line is kept: its bytes must not change. */
export function placeLine(line: Buffer, where: LinePlace): SourceItem {
  const [, topic, partition, offset, ts] = placeFirst.exec(line.toString('latin1', 0, placeBytes)) ?? [];
  if (topic !== undefined)
    return new PlacedLine(topic, Number(partition), Number(offset), Number(ts), line, where);
  const read = parseEnvelope(line, where);
  if (isLetter(read)) return read;
  const { partition: number, offset: at, timestampMs } = read;
  const place = { topic: read.topic, partition: number, offset: at, timestampMs };
  return { ...place, open: () => read, checksum: () => checksumOf(read) };
}

class PlacedLine implements PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly #line: Buffer;
  readonly #where: LinePlace;

  constructor(
    topic: string,
    partition: number,
    offset: number,
    timestampMs: number,
    line: Buffer,
    where: LinePlace,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#line = line;
    this.#where = where;
  }

  open(): SourceRecord | DeadLetter {
    const read = parseEnvelope(this.#line, this.#where);
    const { topic, partition, offset, timestampMs } = this;
    if (isLetter(read)) return { ...read, record: { ...read.record, topic, partition, offset, timestampMs } };
    if (
      read.topic === topic &&
      read.partition === partition &&
      read.offset === offset &&
      read.timestampMs === timestampMs
    )
      return read;
    const letter = badLine(this.#line, this.#where, 'tells its place twice, and differently');
    return { ...letter, record: { ...letter.record, topic, partition, offset, timestampMs } };
  }

  checksum(): number {
    return checksumOf(this.open());
  }
}

/** Never throws: a line that is no envelope becomes a dead letter without a place. */
export function parseEnvelope(line: Buffer, where: LinePlace): SourceRecord | DeadLetter {
  let fields: unknown;
  try {
    fields = JSON.parse(line.toString('utf8'));
  } catch {
    // The engine's message quotes the line, and lines hold what users typed.
    return badLine(line, where, 'not JSON');
  }
  if (typeName(fields) !== 'object')
    return badLine(line, where, `expected an object, got ${typeName(fields)}`);
  return readRecord(fields as Fields, line, where);
}

/**
 * A line that is no record, with its original bytes. Its offset is -1 even where the line tells one: without
 * a timestamp and the like it has no place in the merged order, and an offset that moved on by it would skip
 * the records before it.
 */
export function badLine(
  line: Buffer,
  where: LinePlace,
  detail: string,
  known: { readonly topic: string; readonly partition: number } = { topic: '', partition: -1 },
  reason: DeadLetter['reason'] = 'malformed',
): DeadLetter {
  const value = isUtf8(line) ? line.toString('utf8') : Buffer.from(line);
  return {
    record: { ...known, offset: -1, timestampMs: -1, key: null, value, headers: [] },
    reason,
    detail: `${where.file} line ${where.line}: ${detail}`,
  };
}

/** One line, without the line feed. */
export function formatEnvelope(record: SourceRecord): string {
  return JSON.stringify(envelopeOf(record));
}

/** One line, without the line feed: the record's envelope with the reason. */
export function formatLetter(letter: DeadLetter): string {
  return JSON.stringify({ ...envelopeOf(letter.record), reason: letter.reason, detail: letter.detail });
}

type Fields = Record<string, unknown>;

function readRecord(fields: Fields, line: Buffer, where: LinePlace): SourceRecord | DeadLetter {
  const { topic, partition, offset, ts } = fields;
  const problem =
    (typeof topic === 'string' && topic !== '' ? null : `topic: expected a name, got ${typeName(topic)}`) ??
    wholeNumber('partition', partition) ??
    wholeNumber('offset', offset) ??
    wholeNumber('ts', ts) ??
    contentProblem(fields);
  if (problem !== null) {
    const known = {
      topic: typeof topic === 'string' ? topic : '',
      partition: wholeNumber('partition', partition) === null ? (partition as number) : -1,
    };
    const told = wholeNumber('offset', offset) === null ? `offset ${offset as number}: ` : '';
    return badLine(line, where, told + problem, known);
  }
  return {
    topic: topic as string,
    partition: partition as number,
    offset: offset as number,
    timestampMs: ts as number,
    key: contentOf(fields.key, fields.key_b64),
    value: contentOf(fields.payload, fields.payload_b64),
    headers: headersOf(fields.headers),
  };
}

function wholeNumber(name: string, value: unknown): string | null {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return null;
  const got =
    typeof value === 'number' ? (value < 0 ? 'a negative number' : 'another number') : typeName(value);
  return `${name}: expected a whole number >= 0, got ${got}`;
}

function contentProblem(fields: Fields): string | null {
  if (fields.payload === undefined && fields.payload_b64 === undefined) return 'payload: missing';
  return (
    textProblem('key', fields.key) ??
    textProblem('payload', fields.payload) ??
    bytesProblem('key_b64', fields.key_b64, fields.key) ??
    bytesProblem('payload_b64', fields.payload_b64, fields.payload) ??
    headersProblem(fields.headers)
  );
}

function textProblem(name: string, value: unknown): string | null {
  if (typeof value === 'string' || value === null || value === undefined) return null;
  return `${name}: expected a string or null, got ${typeName(value)}`;
}

function bytesProblem(name: string, value: unknown, text: unknown): string | null {
  if (value === undefined) return null;
  if (typeof text === 'string') return `${name}: given beside the same as text`;
  if (typeof value !== 'string') return `${name}: expected base64, got ${typeName(value)}`;
  const valid = value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
  return valid ? null : `${name}: expected base64, got another string`;
}

function headersProblem(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || value.length % 2 !== 0)
    return `headers: expected a flat list of names and values, got ${typeName(value)}`;
  const wrong = value.findIndex(
    (entry, index) => typeof entry !== 'string' && !(entry === null && index % 2 === 1),
  );
  return wrong < 0 ? null : `headers[${wrong}]: expected a string, got ${typeName(value[wrong])}`;
}

function contentOf(text: unknown, base64: unknown): string | Uint8Array | null {
  return typeof base64 === 'string'
    ? Buffer.from(base64, 'base64')
    : ((text as string | null | undefined) ?? null);
}

const noHeaders: SourceRecord['headers'] = [];

/** A header without a value reads as an empty one. */
function headersOf(flat: unknown): SourceRecord['headers'] {
  if (!Array.isArray(flat) || flat.length === 0) return noHeaders;
  const pairs: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2)
    pairs.push([flat[at] as string, (flat[at + 1] as string | null) ?? '']);
  return pairs;
}

function envelopeOf(record: SourceRecord): Fields {
  const { topic, partition, offset, timestampMs, headers } = record;
  return {
    topic,
    partition,
    offset,
    ts: timestampMs,
    ...(headers.length > 0 ? { headers: headers.flat() } : {}),
    ...contentFields('key', record.key),
    ...contentFields('payload', record.value),
  };
}

const contentFields = (name: string, content: string | Uint8Array | null): Fields =>
  content === null || typeof content === 'string'
    ? { [name]: content }
    : { [`${name}_b64`]: Buffer.from(content).toString('base64') };
