// The order of live topics: invariants 1 to 4 of live-order.ts, and that it is the merge of a recording's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { LiveOrder } from '../../src/streams/live-order.ts';
import { openMerge } from '../../src/streams/merge.ts';
import type { PlacedRecord, SourceItem } from '../../src/streams/ports.ts';
import { openRecordOrder } from '../../src/streams/record-order.ts';
import { fingerprintOf } from '../../src/streams/resume.ts';
import { placed, recordOf } from '../support/records.ts';

const idleTimeout = 1_000;
const order = openRecordOrder({ documents: 'docs', documentsKnownBefore: 20 });
const open = (until: ReadonlyMap<string, number> | null = null): LiveOrder =>
  new LiveOrder({ idleTimeout, order, until });
const clicks = (partition: number) => ({ topic: 'clicks', partition });
const start = (high: number, next = 0, fingerprint: string | null = null) => ({ next, high, fingerprint });
const fetched = (partition: number, records: readonly SourceRecord[], high: number, topic = 'clicks') => ({
  ...{ topic, partition, high, records: records.map(placed), bytes: 10 * records.length },
  next: records.at(-1)!.offset + 1,
});
const names = (live: LiveOrder, count = 100, nowMs = 0): string[] =>
  live.take(count, nowMs).map(({ partition, offset }) => `${partition}/${offset}`);

test('nothing is released while a partition has records that have not come', () => {
  const live = open();
  live.assign(clicks(0), start(2), 0);
  live.assign(clicks(1), start(1), 0);
  live.push(fetched(0, [recordOf(0, 0, 10), recordOf(0, 1, 30)], 2), 0);
  expect(names(live)).toEqual([]);
  live.push(fetched(1, [recordOf(1, 0, 20)], 1), 0);
  expect(names(live)).toEqual(['0/0', '1/0', '0/1']);
});

test('a partition at its end holds nobody up; one that is silent does for idle_timeout only', () => {
  const live = open();
  live.assign(clicks(0), start(1), 0);
  live.assign(clicks(1), start(5, 5), 0);
  live.push(fetched(0, [recordOf(0, 0, 10)], 1), 0);
  expect(names(live)).toEqual(['0/0']);
  live.advance({ ...clicks(1), next: 5, high: 9 }, 100);
  live.push(fetched(0, [recordOf(0, 1, 20)], 2), 100);
  expect(names(live, 100, 100)).toEqual([]);
  expect(live.heldUntilMs()).toBe(100 + idleTimeout);
  expect(names(live, 100, 99 + idleTimeout)).toEqual([]);
  expect(names(live, 100, 100 + idleTimeout)).toEqual(['0/1']);
});

test('3: a partition whose records waited here was not silent: it is, from when none are left', () => {
  const live = open();
  live.assign(clicks(0), start(3), 0);
  live.assign(clicks(1), start(2), 0);
  live.push(fetched(0, [recordOf(0, 0, 10), recordOf(0, 1, 30)], 3), 0);
  live.push(fetched(1, [recordOf(1, 0, 20), recordOf(1, 1, 50)], 2), 0);
  const late = 5 * idleTimeout; // The journal was full until then.
  expect(names(live, 100, late)).toEqual(['0/0', '1/0', '0/1']);
  expect(live.heldUntilMs()).toBe(late + idleTimeout);
  live.push(fetched(0, [recordOf(0, 2, 40)], 3), late + 1);
  expect(names(live, 100, late + 1)).toEqual(['0/2', '1/1']);
});

/** Logs of two partitions of events and two of documents: timestamps do not go back within a partition. */
const logs: fc.Arbitrary<SourceRecord[][]> = fc
  .array(fc.array(fc.nat(20), { maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map((steps) =>
    steps.map((gaps, log) => {
      const topic = log % 2 === 0 ? 'clicks' : 'docs';
      let at = 0;
      return gaps.map((gap, offset) => {
        at += gap;
        return recordOf(log >> 1, offset, at, { topic });
      });
    }),
  );

const named = ({ topic, partition, offset }: Pick<SourceRecord, 'topic' | 'partition' | 'offset'>): string =>
  `${topic}/${partition}/${offset}`;

/** What the rule says, in one number and then word by word: documents of before 20 come first. */
const sorted = (records: readonly SourceRecord[]): string[] => {
  const at = ({ topic, timestampMs }: SourceRecord): number =>
    topic === 'docs' && timestampMs < 20 ? -1 : timestampMs;
  const rank = ({ topic }: SourceRecord): number => (topic === 'docs' ? 0 : 1);
  return [...records]
    .sort((a, b) => at(a) - at(b) || rank(a) - rank(b) || a.partition - b.partition || a.offset - b.offset)
    .map(named);
};

/** A recording for each log. */
function merged(files: readonly (readonly SourceRecord[])[]): string[] {
  const merge = openMerge(files.length, { lookahead: 1_000, lookaheadMax: 1_000, order });
  const out: SourceItem[] = [];
  for (const [input, file] of files.entries()) merge.push(input, file.map(placed));
  for (const input of files.keys()) merge.end(input);
  merge.take(out, 1_000);
  return (out as PlacedRecord[]).map(named);
}

test('however topics are fetched, they come out as the whole of them sorted, as from a recording', () => {
  const picks = fc.array(
    fc.record({ log: fc.nat(3), count: fc.integer({ min: 1, max: 5 }), take: fc.nat(6) }),
  );
  fc.assert(
    fc.property(logs, picks, (topics, fetches) => {
      const live = open();
      const place = (log: number) => ({ topic: log % 2 === 0 ? 'clicks' : 'docs', partition: log >> 1 });
      for (const [at, log] of topics.entries()) live.assign(place(at), start(log.length), 0);
      const given = topics.map(() => 0);
      const out: string[] = [];
      const give = (at: number, count: number): void => {
        const log = topics[at] ?? [];
        const part = log.slice(given[at], given[at]! + count);
        if (part.length === 0) return;
        given[at]! += part.length;
        const { topic, partition } = place(at);
        expect(live.push(fetched(partition, part, log.length, topic), 0)).toBeNull();
      };
      for (const { log, count, take } of fetches) {
        give(log, count);
        out.push(...live.take(take, 0).map(named));
      }
      for (const [at, log] of topics.entries()) give(at, log.length);
      out.push(...live.take(1_000, 0).map(named));
      expect(out).toEqual(sorted(topics.flat()));
      expect(merged(topics)).toEqual(out);
    }),
  );
});

test('partitions of one number in two topics are two; at one time the document comes first', () => {
  const live = open();
  const docs = { topic: 'docs', partition: 0 };
  live.assign(clicks(0), start(3), 0);
  live.assign(docs, start(3), 0);
  live.push(fetched(0, [recordOf(0, 0, 5), recordOf(0, 1, 40), recordOf(0, 2, 41)], 3), 0);
  expect(live.take(9, 0)).toEqual([]);
  const texts = [10, 40, 50].map((at, offset) => recordOf(0, offset, at, { topic: 'docs' }));
  expect(live.push(fetched(0, texts, 3, 'docs'), 0)).toBeNull();
  expect(live.take(9, 0).map(named)).toEqual([
    'docs/0/0', // From before 20: known from the beginning.
    'clicks/0/0',
    'docs/0/1',
    'clicks/0/1',
    'clicks/0/2',
    'docs/0/2',
  ]);
});

test('documents that have all come hold nobody up, however long nothing follows', () => {
  const live = open();
  live.assign(clicks(0), start(1), 0);
  live.assign({ topic: 'docs', partition: 0 }, start(7, 7), 0);
  live.push(fetched(0, [recordOf(0, 0, 10)], 1), 0);
  expect(names(live)).toEqual(['0/0']);
});

describe('what the broker brings', () => {
  test('must begin where it ended: a gap is told, a step back is an error', () => {
    const live = open();
    live.assign(clicks(0), start(9, 3), 0);
    expect(live.push(fetched(0, [recordOf(0, 5, 1)], 9), 0)).toEqual({ from: 3, to: 5 });
    expect(() => live.push(fetched(0, [recordOf(0, 0, 1)], 9), 0)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_FOREIGN' }),
    );
  });

  test('begins with the newest record taken before, which is compared and not released again', () => {
    const known = recordOf(0, 2, 7);
    const live = open();
    live.assign(clicks(0), start(4, 3, fingerprintOf(placed(known))), 0);
    expect(live.push(fetched(0, [known, recordOf(0, 3, 8)], 4), 0)).toBeNull();
    expect(names(live)).toEqual(['0/3']);
    live.assign(clicks(0), start(4, 3, fingerprintOf(placed(known))), 0);
    expect(() => live.push(fetched(0, [{ ...known, value: 'another' }], 4), 0)).toThrow('made again');
  });

  test('is forgotten when the partition is taken away, and fetched again from what was taken', () => {
    const live = open();
    const log = [0, 1, 2].map((offset) => recordOf(0, offset, offset));
    live.assign(clicks(0), start(3), 0);
    live.push(fetched(0, log, 3), 0);
    expect(names(live, 1)).toEqual(['0/0']);
    live.revoke();
    expect(names(live)).toEqual([]);
    expect(live.push(fetched(0, log, 3), 0)).toBeNull();
    expect(live.leftAt(clicks(0))).toEqual({ next: 1, fingerprint: fingerprintOf(placed(log[0]!)) });
    expect(live.leftAt(clicks(1))).toBeNull();
  });
});

test('with bounds it ends: nothing beyond them, and not before they are reached', () => {
  const live = open(
    new Map([
      ['clicks/0', 2],
      ['clicks/1', 0],
    ]),
  );
  live.assign(clicks(0), start(9), 0);
  expect(live.isDone()).toBe(false);
  live.assign(clicks(1), start(0), 0);
  live.push(
    fetched(
      0,
      [0, 1, 2, 3].map((offset) => recordOf(0, offset, offset)),
      9,
    ),
    0,
  );
  expect(live.isDone()).toBe(false);
  expect(names(live)).toEqual(['0/0', '0/1']);
  expect(live.isDone()).toBe(true);
  expect(open().isDone()).toBe(false);
});

test('bytes that wait go down to nothing', () => {
  const live = open();
  live.assign(clicks(0), start(3), 0);
  live.push(
    fetched(
      0,
      [0, 1, 2].map((offset) => recordOf(0, offset, offset)),
      3,
    ),
    0,
  );
  expect(live.progress()).toEqual([{ ...clicks(0), next: 0, high: 3, bytes: 30 }]);
  names(live, 1);
  expect(live.progress()).toEqual([{ ...clicks(0), next: 1, high: 3, bytes: 20 }]);
  names(live);
  expect(live.progress()).toEqual([{ ...clicks(0), next: 3, high: 3, bytes: 0 }]);
});
