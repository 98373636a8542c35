// Invariants of building.ts and merging.ts: what the builders of the partitions hand over, merged, comes to
// the groups of the whole intake, whoever had a partition and wherever a builder or the trainer was killed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event, Group, SourceRecord } from '../../src/contract.ts';
import { Building, type Timed } from '../../src/streams/building.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import { decodeHandover, encodeHandover, type Handover } from '../../src/streams/handover.ts';
import { type Intake, openIntake } from '../../src/streams/intake.ts';
import { openMerging } from '../../src/streams/merging.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { placed, recordOf } from '../support/records.ts';
import { click, impression, second, start, tinyConfig } from '../support/stream-events.ts';

/** Whole-stream rules are on; no partition is ever taken as complete because of the others. */
const config = tinyConfig({
  watermark: { disorder_max: '2s', idle_timeout: '30d' },
  bots: { events_per_minute_max: 5 },
  privacy: { users_min: 2 },
  holdout: { share: 0.3 },
  propensity: { mode: 'estimated', table: [1, 0.5, 0.25], cells: 700 },
});
const partitions = 3;

/** As the native mapping reads it. */
function payloadOf(event: Event): string {
  if (event.kind === 'document' || event.kind === 'removal') throw new Error('not here');
  const { timeMs: ts, impressionId: impression_id, sessionId: session_id, userId: user_id } = event;
  const common = { ts, impression_id, session_id, user_id };
  if (event.kind === 'click')
    return JSON.stringify({ type: 'click', ...common, doc_id: event.documentId, dwell_ms: event.dwellMs });
  const results = event.results.map((result) => {
    const { position, documentId: doc_id, title, summary } = result as typeof result & Record<string, string>;
    return { position, doc_id, title, summary };
  });
  return JSON.stringify({ type: 'impression', ...common, query: event.query, results });
}

/** A topic keyed by session: pages, clicks in time, late and much too late, bursts, what is malformed. */
const topics: fc.Arbitrary<SourceRecord[]> = fc
  .array(
    fc.record({
      what: fc.constantFrom('impression', 'impression', 'click', 'click', 'click', 'malformed'),
      stepMs: fc.oneof(fc.constant(0), fc.nat(second), fc.nat(8 * second), fc.nat(25 * second)),
      backMs: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(60 * second)),
      session: fc.nat(9),
      page: fc.nat(2),
      document: fc.constantFrom('a', 'b', 'c', 'z'),
      query: fc.nat(3),
    }),
    { minLength: 60, maxLength: 150 },
  )
  .map((list) => {
    const next = Array.from({ length: partitions }, () => 0);
    let nowMs = 0;
    const records = list.map(({ what, stepMs, backMs, session, page, document, query }) => {
      nowMs += stepMs;
      const partition = session % partitions;
      const atMs = Math.max(0, nowMs - backMs);
      const who = { sessionId: `session ${session}`, userId: `user ${session % 4}` };
      const id = `i${session}-${page}`;
      const shown = impression(id, atMs, { ...who, query: `query ${query}`, documents: 'abc' });
      const event = what === 'impression' ? shown : click(id, document, atMs, who);
      const value = what === 'malformed' ? '{' : payloadOf(event);
      return recordOf(partition, next[partition]!++, start + nowMs, { value });
    });
    return inOrder(records);
  });

const inOrder = <T extends { timestampMs: number; partition: number }>(records: readonly T[]): T[] =>
  [...records].sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition);

function wholly(records: readonly SourceRecord[]): Group[] {
  const decode = openDecoder(config);
  const intake = openIntake(config, [], 0);
  for (const record of records) {
    const event = decode(record)!;
    if (isLetter(event)) intake.reject(event);
    else intake.accept(event, record);
  }
  return intake.drain().groups;
}

/** State as Kafka or the journal keeps it: the latest value of each slot. */
class Kept {
  readonly #slots = new Map<string, StateEntry>();

  keep(changes: readonly StateEntry[]): void {
    for (const entry of changes) this.#slots.set(`${entry.table}/${entry.slot}`, entry);
  }

  get entries(): StateEntry[] {
    return [...this.#slots.values()].filter(({ value }) => value !== null);
  }
}

/** One partition, built by one builder after the other. */
function build(records: readonly SourceRecord[], drainAt: ReadonlySet<number>): Timed[] {
  const kept = new Kept();
  const open = () => new Building(config, openDecoder(config), kept.entries);
  const handed: Timed[] = [];
  let building = open();
  const drain = (): void => {
    const built = building.drain();
    if (built === null) return;
    kept.keep(built.changes);
    handed.push(...built.handovers);
    building = open();
  };
  records.forEach((record, at) => {
    building.feed(placed(record));
    if (drainAt.has(at)) drain();
  });
  drain();
  return handed;
}

function merge(handed: readonly (readonly Timed[])[], drainAt: ReadonlySet<number>): Group[] {
  const messages = inOrder(
    handed.flatMap((part, partition) =>
      part.map(({ timestampMs, handover }, offset) =>
        recordOf(partition, offset, timestampMs, { topic: 'pages', value: encodeHandover(handover) }),
      ),
    ),
  );
  const kept = new Kept();
  const groups: Group[] = [];
  let merging: Intake<Handover> = openMerging(config, [], 0);
  const drain = (): void => {
    const drained = merging.drain();
    kept.keep(drained.changes);
    groups.push(...drained.groups);
  };
  messages.forEach((message, at) => {
    const handover = decodeHandover(message);
    if (isLetter(handover)) throw new Error(handover.detail);
    merging.accept(handover, message);
    if (!drainAt.has(at)) return;
    drain();
    merging = openMerging(config, kept.entries, groups.length);
    merging.accept(handover, message); // Delivered again: no effect.
  });
  drain();
  return groups;
}

const places = fc.uniqueArray(fc.nat(150), { maxLength: 12 }).map((list) => new Set(list));

describe('builders and a trainer', () => {
  test('come to the groups of the whole intake, in its order', () => {
    let groups = 0;
    let corrections = 0;
    fc.assert(
      fc.property(topics, places, places, (records, builtAt, mergedAt) => {
        const expected = wholly(records);
        const handed = Array.from({ length: partitions }, (_, partition) =>
          build(
            records.filter((record) => record.partition === partition),
            builtAt,
          ),
        );
        expect(merge(handed, mergedAt)).toEqual(expected);
        groups += expected.length;
        corrections += expected.filter(({ corrects }) => corrects !== null).length;
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(groups).toBeGreaterThan(150);
    expect(corrections).toBeGreaterThan(5);
  });

  test('what a builder hands over holds no user, session, or query before redaction', () => {
    const who = { sessionId: 'session of ann', userId: 'ann' };
    const shown = impression('i', 0, { ...who, query: 'mail ann@example.com' });
    const events = [shown, click('i', 'a', 1, who), impression('j', 60_000, who)];
    const records = events.map((event, at) => recordOf(0, at, event.timeMs, { value: payloadOf(event) }));
    const text = build(records, new Set())
      .map(({ handover }) => encodeHandover(handover))
      .join('\n');
    expect(text).toContain('"closed","i"');
    expect(text).not.toMatch(/\bann\b/);
  });
});
