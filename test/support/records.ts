// Records of a topic and small configurations for tests of ingest.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Config, parseConfig } from '../../src/config.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { checksumOf } from '../../src/streams/checksum.ts';
import { formatEnvelope, parseEnvelope } from '../../src/streams/envelope.ts';
import type { PlacedRecord } from '../../src/streams/ports.ts';
import { start } from './stream-events.ts';

/** What a gzipped recording of nothing but envelopes holds. */
export function readRecording(path: string): SourceRecord[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line) => parseEnvelope(Buffer.from(line), { file: '', line: 0 }) as SourceRecord);
}

export function recordOf(
  partition: number,
  offset: number,
  timestampMs: number,
  change: Partial<SourceRecord> = {},
): SourceRecord {
  const value = `value ${partition}/${offset}`;
  return { topic: 'clicks', partition, offset, timestampMs, key: null, value, headers: [], ...change };
}

export function placed(record: SourceRecord): PlacedRecord {
  const { topic, partition, offset, timestampMs } = record;
  const place = { topic, partition, offset, timestampMs };
  return { ...place, open: () => record, checksum: () => checksumOf(record) };
}

/** A journal of a few slots; turns and vocabulary small enough for it. */
export function journalConfig(
  journal: { ring_max?: number; recent_max?: number; memory_max?: number; transaction_records?: number } = {},
  rest: Record<string, unknown> = {},
): Config {
  return parseConfig({
    privacy: { users_min: 1 },
    turns: { groups: 1, snapshot_every: 1 },
    vocabulary: { groups: 1 },
    ...rest,
    journal: { ring_max: 20, recent_max: 3, memory_max: 6, transaction_records: 10, ...journal },
  });
}

const minute = 60_000;

/**
 * A topic of `pages` impressions, each clicked, a minute apart, in turns over the partitions: two records a
 * page. Now and then a record that is malformed.
 */
export function topicOf(pages: number, partitions = 2): SourceRecord[] {
  const next = Array.from({ length: partitions }, () => 0);
  const records: SourceRecord[] = [];
  for (let page = 0; page < pages; page++) {
    const partition = page % partitions;
    const at = start + page * minute;
    const add = (timestampMs: number, value: string): void => {
      records.push(recordOf(partition, next[partition]!++, timestampMs, { key: `s${page}`, value }));
    };
    const common = { impression_id: `i${page}`, session_id: `s${page}`, user_id: `u${page}` };
    const results = ['a', 'b', 'c'].map((document, index) => ({
      position: index + 1,
      doc_id: `${document}${page % 5}`,
      title: `Title ${document}`,
      summary: `Schöne Grüße ${document}`,
    }));
    add(
      at,
      JSON.stringify({ type: 'impression', ts: at, ...common, query: `red shoes ${page % 7}`, results }),
    );
    if (page % 9 === 4) add(at + 1, '{');
    const click = { doc_id: `b${page % 5}`, position: 2, dwell_ms: 20_000 };
    add(at + 5_000, JSON.stringify({ type: 'click', ts: at + 5_000, ...common, ...click }));
  }
  return records;
}

export const recordingOf = (records: readonly SourceRecord[]): string =>
  records.map((record) => `${formatEnvelope(record)}\n`).join('');
