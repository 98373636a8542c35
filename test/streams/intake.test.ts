// Invariants 1 to 4 of intake.ts, with random streams: killed anywhere and opened again it gives what it
// would have given (promise 1), it stays bounded (promise 11), and nothing of a user gets out (promise 12).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event, Group, ImpressionEvent, IngestCounts, SourceRecord } from '../../src/contract.ts';
import { type Intake, openIntake } from '../../src/streams/intake.ts';
import type { Drained, StateEntry } from '../../src/streams/state.ts';
import { click, Feed, impression, second, start, tick, tinyConfig } from '../support/stream-events.ts';

/** Small enough that every bound is met in a stream of a few dozen events. */
const tight = tinyConfig({
  join: { window: '30s', lateness_max: '20s', open_max: 4, orphans_max: 3 },
  bots: { events_per_minute_max: 3, sessions_max: 5 },
  privacy: { users_min: 2, queries_max: 4 },
  holdout: { share: 0.5 },
  propensity: { mode: 'estimated', table: [1, 0.5, 0.25], cells: 700 },
  events: { documents_max: 2 },
});

interface Item {
  /** What a decoder makes of a record; null where it is malformed. */
  readonly event: Event | 'ignored' | null;
  readonly partition: number;
  readonly aheadMs: number;
}

const referring = (event: ImpressionEvent): ImpressionEvent => ({
  ...event,
  results: event.results.map(({ position, documentId }) => ({ position, documentId })),
});

/** A few impressions; clicks near them in time, some before, long after, or of nobody; bursts; bad clocks. */
const items: fc.Arbitrary<Item[]> = fc
  .array(
    fc.record({
      what: fc.constantFrom(
        ...(['impression', 'impression', 'reference', 'document', 'document', 'ignored'] as const),
        ...(['click', 'click', 'click', 'malformed'] as const),
      ),
      stepMs: fc.oneof(fc.nat(second), fc.nat(4 * second), fc.nat(25 * second)),
      backMs: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(90 * second)),
      id: fc.nat(9),
      document: fc.constantFrom('a', 'b', 'c', 'd', 'z'),
      person: fc.nat(6),
      query: fc.nat(6),
      dwellMs: fc.constantFrom(null, 0, 9_999, 10_000),
      partition: fc.nat(2),
      aheadMs: fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0), fc.nat(500 * second)),
    }),
    { minLength: 1, maxLength: 120 },
  )
  .map((list) => {
    let nowMs = 0;
    return list.map(({ what, stepMs, backMs, id, document, person, query, dwellMs, partition, aheadMs }) => {
      nowMs += stepMs;
      const who = { sessionId: `session ${person}`, userId: `user ${person % 4}` };
      const atMs = Math.max(0, nowMs - backMs) + aheadMs;
      const shown = impression(`i${id}`, atMs, { ...who, query: `query ${query}` });
      const events: Record<typeof what, Item['event']> = {
        impression: shown,
        reference: referring(shown),
        document: { kind: 'document', documentId: document, title: `title ${query}`, summary: `${id % 2}` },
        ignored: 'ignored',
        click: click(`i${id}`, document, atMs, { ...who, dwellMs }),
        malformed: null,
      };
      return { event: events[what], partition, aheadMs };
    });
  });

interface Placed extends Item {
  readonly offset: number;
}

function place(list: readonly Item[]): Placed[] {
  const next = [0, 0, 0];
  return list.map((item) => ({ ...item, offset: next[item.partition]!++ }));
}

function feed(intake: Intake, { event, partition, offset, aheadMs }: Placed): void {
  const timeMs = typeof event === 'object' && event && 'timeMs' in event ? event.timeMs : start;
  const at = { topic: 't', partition, offset, timestampMs: timeMs - aheadMs };
  if (event === 'ignored') intake.ignore(at);
  else if (event !== null) intake.accept(event, at);
  else {
    const record: SourceRecord = { ...at, key: null, value: '{', headers: [] };
    intake.reject({ record, reason: 'malformed', detail: 'value: not JSON' });
  }
}

/** What a journal keeps of the drains. */
class Kept {
  readonly groups: Group[] = [];
  readonly state = new Map<string, StateEntry>();
  counts: IngestCounts | null = null;
  offsets: Record<string, number> = {};

  write({ groups, changes, counts, offsets }: Drained): void {
    expect(groups.map(({ sequence }) => sequence)).toEqual(groups.map((_, i) => this.groups.length + i));
    this.groups.push(...groups);
    for (const entry of changes) {
      const slot = `${entry.table}/${entry.slot}`;
      if (entry.value === null) expect(this.state.delete(slot)).toBe(true);
      else this.state.set(slot, entry);
    }
    this.counts = counts;
    this.offsets = offsets;
  }

  open(): Intake {
    return openIntake(tight, this.state.values(), this.groups.length);
  }
}

/** Drains after the records in `drains`; killed, what was not drained being lost, after those in `kills`. */
function run(records: readonly Placed[], drains: ReadonlySet<number>, kills: ReadonlySet<number>): Kept {
  const kept = new Kept();
  let intake = kept.open();
  for (const [index, record] of records.entries()) {
    feed(intake, record);
    if (drains.has(index)) kept.write(intake.drain());
    if (!kills.has(index)) continue;
    intake = kept.open();
    // All over again: what has had its effect is recognised by its offset.
    for (const again of records.slice(0, index + 1)) feed(intake, again);
  }
  intake.finish();
  kept.write(intake.drain());
  return kept;
}

/** Sparse or dense. */
const indices = fc
  .oneof(fc.uniqueArray(fc.nat(119), { maxLength: 12 }), fc.uniqueArray(fc.nat(119), { minLength: 60 }))
  .map((list) => new Set(list));

/** State without the slots, which depend on when it was drained. */
const contents = ({ state }: Kept): string[] =>
  [...state.values()].map(({ table, slot, value }) => {
    const bytes = Buffer.from(value!);
    return table === 'propensity'
      ? `${table}/${slot} ${bytes.toString('hex')}`
      : `${table} ${bytes.toString()}`;
  });

test('promise 1: wherever it is drained and killed, all that comes out is as in a run in one go', () => {
  fc.assert(
    fc.property(items, indices, indices, (list, drains, kills) => {
      const records = place(list);
      const expected = run(records, new Set(), new Set());
      const actual = run(records, drains, kills);
      expect(actual.groups).toEqual(expected.groups);
      expect(actual.counts).toEqual(expected.counts);
      expect(actual.offsets).toEqual(expected.offsets);
      expect(contents(actual).sort()).toEqual(contents(expected).sort());
    }),
    { numRuns: 300 },
  );
});

test('the random streams do meet every rule', () => {
  const total: Record<string, number> = {};
  for (const list of fc.sample(items, { numRuns: 400, seed: 1 }))
    for (const [name, count] of Object.entries(run(place(list), new Set(), new Set()).counts!))
      total[name] = (total[name] ?? 0) + count;
  // No ring is nearly full, and no query of theirs holds anything to redact.
  expect(Object.entries(total).flatMap(([name, count]) => (count === 0 ? [name] : []))).toEqual([
    'shed',
    'redacted',
  ]);
});

test('every event and every impression is accounted for', () => {
  fc.assert(
    fc.property(items, (list) => {
      const { groups, counts } = run(place(list), new Set(), new Set());
      const c = counts!;
      expect(c.records).toBe(list.length);
      expect(c.records).toBe(c.events + c.malformed + c.ignored);
      expect(c.events).toBe(c.impressions + c.clicks + c.documents);
      expect(c.groups).toBe(groups.length);
      expect(c.bots + c.duplicates).toBeLessThanOrEqual(c.events);
      expect(c.corrected).toBeLessThanOrEqual(c.groups);
      expect(c.pairs).toBe(groups.reduce((sum, group) => sum + group.pairs.length, 0));
      expect(c.preferences).toBe(groups.reduce((sum, group) => sum + group.preferences.length, 0));
      for (const { results, pairs, preferences } of groups) {
        expect(results.some(({ clicked }) => clicked)).toBe(true);
        for (const index of pairs) expect(results[index]!.satisfied).toBe(true);
        for (const p of preferences)
          expect(results[p.better]!.satisfied && !results[p.worse]!.clicked).toBe(true);
        for (const { propensity } of results) expect(propensity >= 0.05 && propensity <= 1).toBe(true);
      }
    }),
  );
});

test('promise 11: state never takes more slots than the bounds allow', () => {
  // Pages, open, retained, remembered: 2 + 1 + 1 + 1 times open_max. 700 cells: two pages; and the positions.
  const most = {
    impressions: 20,
    orphans: 3,
    sessions: 5,
    queries: 4,
    propensity: 3,
    partitions: 3,
    documents: 2,
    counts: 1,
  };
  fc.assert(
    fc.property(items, indices, (list, drains) => {
      const { state } = run(place(list), drains, new Set());
      const slots: Record<string, number> = {};
      for (const { table, slot } of state.values()) slots[table] = Math.max(slots[table] ?? 0, slot + 1);
      for (const [table, used] of Object.entries(slots))
        expect(used).toBeLessThanOrEqual(most[table as 'orphans']);
    }),
  );
});

describe('promise 12', () => {
  test('no user or session id, and no query before redaction, in groups or in state', () => {
    const secret = { sessionId: 'SESSION-4711', userId: 'USER-0815', query: 'boots for Jane@Example.com' };
    // Two users needed: the state has to know the first, until the second comes.
    const f = new Feed(tinyConfig({ privacy: { users_min: 2 } }));
    f.all(impression('i', 0, secret), click('i', 'b', 1, secret), click('waits', 'b', 2, secret));
    const { changes, counts } = f.drain();
    f.accept(impression('j', 3, { query: secret.query }));
    const { groups } = f.finish().drain();
    const text = [
      JSON.stringify(groups),
      ...changes.map(({ value }) => Buffer.from(value ?? []).toString()),
    ].join('\n');
    expect(text).not.toMatch(/4711|0815|jane|example/i);
    expect(groups[0]!.query).toBe('boots for <email>');
    expect(counts.redacted).toBe(1);
    expect(changes.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['impressions', 'orphans', 'sessions', 'queries', 'partitions', 'counts']),
    );
  });

  test('queries that differ only in what was redacted share a key', () => {
    const f = new Feed(tinyConfig());
    f.all(impression('i', 0, { query: 'mail a@b.de' }), click('i', 'b', 1));
    f.all(impression('j', 0, { query: 'Mail  c@d.fr' }), click('j', 'b', 1))
      .finish()
      .drain();
    expect(f.groups[0]!.queryKey).toBe(f.groups[1]!.queryKey);
  });

  test('redaction can be switched off', () => {
    const f = new Feed(tinyConfig({ privacy: { users_min: 1, redact: false } }));
    f.all(impression('i', 0, { query: 'mail a@b.de' }), click('i', 'b', 1))
      .finish()
      .drain();
    expect(f.groups[0]!.query).toBe('mail a@b.de');
  });

  test('another seed hashes to other names', () => {
    const names = [1, 2].map((seed) => {
      const intake = openIntake({ ...tinyConfig(), seed }, [], 0);
      intake.accept(impression('i', 0), { topic: 't', partition: 0, offset: 0, timestampMs: start });
      const session = intake.drain().changes.find(({ table }) => table === 'sessions')!;
      return Buffer.from(session.value!).toString();
    });
    expect(names[0]).not.toBe(names[1]);
  });
});

describe('drains', () => {
  test('with nothing new, nothing is written', () => {
    const f = new Feed(tinyConfig()).all(impression('i', 0));
    expect(f.drain().changes.length).toBeGreaterThan(0);
    expect(f.drain()).toMatchObject({ groups: [], changes: [], offsets: { 'clicks/0': 1 } });
    f.finish().drain();
    expect(f.finish().drain().changes).toEqual([]);
  });

  test('what was opened and forgotten in between costs nothing', () => {
    const f = new Feed(tinyConfig()).all(tick(0));
    f.drain();
    for (let i = 0; i < 500; i++)
      f.all(impression(`i${i}`, 10_000 * (i + 1)), click(`i${i}`, 'b', 10_000 * (i + 1) + 1));
    const { groups, changes } = f.drain();
    expect(groups.length).toBeGreaterThan(490);
    expect(changes.length).toBeLessThan(50);
  });

  test('counts that were handed out do not change any more', () => {
    const f = new Feed(tinyConfig()).all(impression('i', 0));
    const { counts } = f.drain();
    f.all(impression('j', 0));
    expect(counts.impressions).toBe(1);
  });
});

describe('offsets', () => {
  const at = { topic: 't', partition: 0, offset: 5, timestampMs: start };
  const rejected = (offset: number, partition = 0): SourceRecord => ({
    ...at,
    partition,
    offset,
    key: null,
    value: '',
    headers: [],
  });

  test('a record that comes again has no effect', () => {
    const intake = openIntake(tinyConfig(), [], 0);
    intake.accept(impression('i', 0), at);
    const before = intake.drain();
    intake.accept(impression('i', 0), at);
    intake.accept(impression('older', 0), { ...at, offset: 4 });
    intake.reject({ record: rejected(5), reason: 'malformed', detail: '' });
    expect(intake.drain()).toEqual({ ...before, changes: [] });
  });

  test('dead letters move the offset; a line without coordinates is only counted', () => {
    const intake = openIntake(tinyConfig(), [], 0);
    intake.reject({ record: rejected(7), reason: 'malformed', detail: '' });
    for (const record of [rejected(-1), rejected(3, -1), rejected(1.5), rejected(Number.NaN)])
      intake.reject({ record, reason: 'malformed', detail: '' });
    const { counts, offsets } = intake.drain();
    expect([counts.records, counts.malformed, offsets]).toEqual([5, 5, { 't/0': 8 }]);
  });
});
