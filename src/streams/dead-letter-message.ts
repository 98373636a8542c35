// A dead letter as a message of a topic, and back: the original key, value and headers, and where it came
// from and why in the headers of Kafka Connect (KIP-298), which other tools know.
import type { DeadLetter, SourceRecord } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { isLetter, type LinePlace, parseEnvelope } from './envelope.ts';

/** As kafkajs sends it; a header may have several values. */
export interface LetterMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Milliseconds since the epoch: the record's own. */
  readonly timestamp: string;
  readonly headers: Record<string, string | string[]>;
}

const prefix = '__connect.errors.';

const codes: Readonly<Record<DeadLetter['reason'], string>> = {
  malformed: 'RECORD_MALFORMED',
  'too-large': 'RECORD_TOO_LARGE',
};

/** @param reader who could not use it: the consumer group. */
export function letterMessage({ record, reason, detail }: DeadLetter, reader: string): LetterMessage {
  const { topic, partition, offset } = record;
  const message = originalMessage(record);
  const told = {
    topic,
    partition: String(partition),
    offset: String(offset),
    'connector.name': reader,
    'task.id': '0',
    stage: 'VALUE_CONVERTER',
    'class.name': 'restill',
    'exception.class.name': codes[reason],
    'exception.message': detail,
  };
  for (const [name, value] of Object.entries(told)) message.headers[prefix + name] = value;
  return message;
}

/** What was sent first: without the headers of an earlier failure. */
export function originalMessage({ key, value, timestampMs, headers }: SourceRecord): LetterMessage {
  const kept: Record<string, string | string[]> = {};
  for (const [name, one] of headers) {
    if (name.startsWith(prefix)) continue;
    const before = kept[name];
    kept[name] = before === undefined ? one : [before, one].flat();
  }
  const timestamp = String(Math.max(0, timestampMs)); // A line without a place has none: -1.
  return { key: bytesOf(key), value: bytesOf(value), timestamp, headers: kept };
}

/** The letter that a message of a dead-letter topic is; null for any other message. */
export function letterOf(record: SourceRecord): DeadLetter | null {
  const told = new Map(record.headers);
  const header = (name: string): string | undefined => told.get(prefix + name);
  const [topic, partition, offset] = [header('topic'), header('partition'), header('offset')];
  if (topic === undefined || partition === undefined || offset === undefined) return null;
  const code = header('exception.class.name');
  const { timestampMs, key, value } = record;
  const place = { topic, partition: Number(partition), offset: Number(offset), timestampMs };
  return {
    record: { ...place, key, value, headers: record.headers.filter(([name]) => !name.startsWith(prefix)) },
    reason: code === codes['too-large'] ? 'too-large' : 'malformed',
    detail: header('exception.message') ?? '',
  };
}

/** A line of dead-letters.jsonl. @throws RestillError INPUT_UNREADABLE */
export function parseLetter(line: string, where: LinePlace): DeadLetter {
  const fields = fieldsOf(line);
  const { topic, partition, offset, ts, reason, detail } = fields ?? {};
  if (reason !== 'malformed' && reason !== 'too-large') throw noLetter(where);
  // A line without a place has none here either, which no envelope may say of itself.
  const placed = { ...fields, topic: topic || '-', partition: 0, offset: 0, ts: 0 };
  const record = parseEnvelope(Buffer.from(JSON.stringify(placed)), where);
  if (isLetter(record)) throw noLetter(where);
  const coordinates = {
    topic: String(topic ?? ''),
    partition: Number(partition),
    offset: Number(offset),
    timestampMs: Number(ts),
  };
  return { record: { ...record, ...coordinates }, reason, detail: String(detail) };
}

function fieldsOf(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown> | null;
  } catch {
    return null; // Said by the caller, who knows where it stood.
  }
}

const noLetter = ({ file, line }: LinePlace): RestillError =>
  new RestillError('INPUT_UNREADABLE', `${file} line ${line} is no dead letter; repair or remove the line`);

const bytesOf = (content: string | Uint8Array | null): Buffer | null =>
  content === null ? null : typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
