// A recorded topic on a test broker, several times over: each copy later than the one before, with sessions,
// users and pages of its own, so that none of it is a duplicate.
import type { CompressionTypes } from 'kafkajs';
import type { SourceRecord } from '../../src/contract.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import { openRecordedSource } from '../../src/streams/recorded-source.fs.ts';
import { createTopic, produce } from '../../test/support/broker/topic.ts';

interface Loading {
  readonly bootstrap: string;
  readonly topic: string;
  readonly file: string;
  readonly copies: number;
  readonly compression: CompressionTypes;
}

/** Records held at a time while the recording is sent. */
const sentMax = 5_000;
const dayMs = 86_400_000;

/** @returns how many records the topic has now. */
export async function loadCopies(loading: Loading): Promise<number> {
  const { bootstrap, topic, compression } = loading;
  const { partitions, spanMs } = await surveyOf(loading.file);
  await createTopic(bootstrap, topic, partitions);
  let sent = 0;
  for (let copy = 0; copy < loading.copies; copy++) {
    let part: SourceRecord[] = [];
    const send = async (): Promise<void> => {
      await produce(bootstrap, part, { topic, compression });
      sent += part.length;
      part = [];
    };
    for await (const record of recordsOf(loading.file)) {
      part.push(copyOf(record, copy, copy * spanMs));
      if (part.length === sentMax) await send();
    }
    await send();
  }
  return sent;
}

/** Records of a recording, without lines that are none. */
async function* recordsOf(file: string): AsyncGenerator<SourceRecord> {
  const source = await openRecordedSource([file], { bytesMax: 1 << 20 });
  try {
    for (let items = await source.read(0); items !== null; items = await source.read(0)) {
      for (const item of items) {
        const record = isLetter(item) ? item : item.open();
        if (!isLetter(record)) yield record;
      }
    }
  } finally {
    await source.close();
  }
}

async function surveyOf(file: string): Promise<{ partitions: number; spanMs: number }> {
  let partitions = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for await (const { partition, timestampMs } of recordsOf(file)) {
    partitions = Math.max(partitions, partition + 1);
    from = Math.min(from, timestampMs);
    to = Math.max(to, timestampMs);
  }
  return { partitions, spanMs: (Math.floor((to - from) / dayMs) + 1) * dayMs };
}

interface Payload {
  ts?: unknown;
  [name: string]: unknown;
}

/** The first copy is the original. Content that is no event stays as it is. */
function copyOf(record: SourceRecord, copy: number, laterMs: number): SourceRecord {
  const { key, value, timestampMs } = record;
  if (copy === 0) return record;
  const renamed = typeof key === 'string' ? `${key}.${copy}` : key;
  return {
    ...record,
    key: renamed,
    value: laterValue(value, copy, laterMs),
    timestampMs: timestampMs + laterMs,
  };
}

function laterValue(value: SourceRecord['value'], copy: number, laterMs: number): SourceRecord['value'] {
  if (typeof value !== 'string' || !value.startsWith('{')) return value;
  let payload: Payload;
  try {
    payload = JSON.parse(value) as Payload;
  } catch {
    return value; // Malformed records are part of the topic.
  }
  if (typeof payload.ts === 'number') payload.ts += laterMs;
  for (const name of ['impression_id', 'session_id', 'user_id'])
    if (typeof payload[name] === 'string') payload[name] = `${payload[name]}.${copy}`;
  return JSON.stringify(payload);
}
