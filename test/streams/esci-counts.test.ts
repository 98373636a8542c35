// Acceptance: the counts of the ESCI recording. Each figure is derived by scripts/expected-esci-counts.mjs,
// which shares no code with src, is pinned here with its derivation, and is what the real pipeline comes to.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { Group, IngestCounts, SourceRecord } from '../../src/contract.ts';
import { decode, isEvent } from '../../src/streams/decode.ts';
import { openIntake } from '../../src/streams/intake.ts';
import { sharedFile } from '../support/shared.ts';

const file = sharedFile('data/esci/clicks.jsonl.gz');
const script = fileURLToPath(new URL('../../scripts/expected-esci-counts.mjs', import.meta.url));

const expected = {
  /** Lines of the file: offsets 0 to 8,952, 12,424 and 9,093 of three partitions, without gaps. */
  records: 30_472,
  /**
   * 7 each of: two control characters, nothing, `null`, `{`, `[]` and a click without any other field; 6
   * impressions whose ts is "soon". (data/README.md speaks of 61 malformed payloads; the file holds these
   * 48.)
   */
  malformed: 48,
  events: 30_424,
  /** 12,000 of people and 300 of the bot. */
  impressions: 12_300,
  /** 15,124 of people and 3,000 of the bot. */
  clicks: 18_124,
  /** Event time more than 10 s behind the newest that its partition had shown before. */
  late: 403,
  /**
   * Same impression, document and time as a click that came before. (By that key alone there are 141: the
   * other five are the orphans below, which are all alike but days apart, so that nobody remembers the one
   * before.)
   */
  duplicates: 136,
  /** Clicks on the impression `never-seen`, which never came. */
  orphans: 6,
  /** Everything of session sb0b0b0b0b0b0: 332 events within a minute. The next busiest session has 7. */
  bots: 3_300,
  /** Impressions of people with and without a click, of 12,000. */
  clickedImpressions: 8_872,
  unclicked: 3_128,
} as const;

describe.skipIf(file === null)('the ESCI recording', () => {
  test('the independent script comes to the pinned figures', () => {
    const found = JSON.parse(execFileSync(process.execPath, [script, file!], { encoding: 'utf8' }));
    expect(found).toMatchObject(expected);
    expect(found).toMatchObject({ botSessions: ['sb0b0b0b0b0b0'], duplicatesOfBots: 0, afterClose: 0 });
    expect(Object.keys(found.malformedPayloads)).toHaveLength(7);
  });

  test('so does the pipeline', () => {
    const { counts, groups } = ingest(file!);
    const { clickedImpressions, ...rest } = expected;
    expect(counts).toMatchObject(rest);
    // Every click came while its page was open.
    expect(counts).toMatchObject({ tooLate: 0, corrected: 0, unshown: 0, crowdedOut: 0, redacted: 0 });
    expect(counts.groups + counts.withheld).toBe(clickedImpressions);
    expect(groups).toHaveLength(counts.groups);
    // A hundred queries with five users or more: those withheld are from before the third.
    expect(new Set(groups.map(({ queryKey }) => queryKey)).size).toBe(100);
    expect(counts.withheld).toBeLessThan(200);
  });
});

interface Envelope {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
  readonly key: string;
  readonly payload: string;
}

function ingest(path: string): { counts: IngestCounts; groups: Group[] } {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n').slice(0, -1);
  const records = lines.map((line): SourceRecord => {
    const { ts, payload, ...rest } = JSON.parse(line) as Envelope;
    return { ...rest, timestampMs: ts, value: payload, headers: [] };
  });
  records.sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset);

  const intake = openIntake(parseConfig({}), [], 0);
  for (const record of records) {
    const decoded = decode(record);
    if (isEvent(decoded)) intake.accept(decoded, record);
    else intake.reject(decoded);
  }
  intake.finish();
  return intake.drain();
}
