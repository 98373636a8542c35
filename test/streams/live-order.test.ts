// The order of a live topic: invariants 1 to 4 of live-order.ts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { LiveOrder } from '../../src/streams/live-order.ts';
import { fingerprintOf } from '../../src/streams/resume.ts';
import { placed, recordOf } from '../support/records.ts';

const idleTimeout = 1_000;
const open = (until: ReadonlyMap<number, number> | null = null): LiveOrder =>
  new LiveOrder({ idleTimeout, until });
const start = (high: number, next = 0, fingerprint: string | null = null) => ({ next, high, fingerprint });
const fetched = (partition: number, records: readonly SourceRecord[], high: number) => ({
  ...{ partition, high, records: records.map(placed), bytes: 10 * records.length },
  next: records.at(-1)!.offset + 1,
});
const names = (order: LiveOrder, count = 100, nowMs = 0): string[] =>
  order.take(count, nowMs).map(({ partition, offset }) => `${partition}/${offset}`);

test('nothing is released while a partition has records that have not come', () => {
  const order = open();
  order.assign(0, start(2), 0);
  order.assign(1, start(1), 0);
  order.push(fetched(0, [recordOf(0, 0, 10), recordOf(0, 1, 30)], 2), 0);
  expect(names(order)).toEqual([]);
  order.push(fetched(1, [recordOf(1, 0, 20)], 1), 0);
  expect(names(order)).toEqual(['0/0', '1/0', '0/1']);
});

test('a partition at its end holds nobody up; one that is silent does for idle_timeout only', () => {
  const order = open();
  order.assign(0, start(1), 0);
  order.assign(1, start(5, 5), 0);
  order.push(fetched(0, [recordOf(0, 0, 10)], 1), 0);
  expect(names(order)).toEqual(['0/0']);
  order.advance(1, 5, 9, 100);
  order.push(fetched(0, [recordOf(0, 1, 20)], 2), 100);
  expect(names(order, 100, 100)).toEqual([]);
  expect(order.heldUntilMs()).toBe(100 + idleTimeout);
  expect(names(order, 100, 99 + idleTimeout)).toEqual([]);
  expect(names(order, 100, 100 + idleTimeout)).toEqual(['0/1']);
});

test('however a topic is fetched, it comes out as the whole of it sorted', () => {
  const topic = fc.array(fc.array(fc.nat(20), { maxLength: 12 }), { minLength: 1, maxLength: 4 });
  const picks = fc.array(
    fc.record({ partition: fc.nat(3), count: fc.integer({ min: 1, max: 5 }), take: fc.nat(6) }),
  );
  fc.assert(
    fc.property(topic, picks, (steps, fetches) => {
      // Timestamps do not go back within a partition: then the order is the full sort.
      const logs = steps.map((gaps, partition) => {
        let at = 0;
        return gaps.map((gap, offset) => {
          at += gap;
          return recordOf(partition, offset, at);
        });
      });
      const order = open();
      for (const [partition, log] of logs.entries()) order.assign(partition, start(log.length), 0);
      const given = logs.map(() => 0);
      const out: string[] = [];
      const give = (partition: number, count: number): void => {
        const log = logs[partition] ?? [];
        const part = log.slice(given[partition], given[partition]! + count);
        if (part.length === 0) return;
        given[partition]! += part.length;
        expect(order.push(fetched(partition, part, log.length), 0)).toBeNull();
      };
      for (const { partition, count, take } of fetches) {
        give(partition, count);
        out.push(...names(order, take));
      }
      for (const [partition, log] of logs.entries()) give(partition, log.length);
      out.push(...names(order, 1_000));
      const sorted = logs
        .flat()
        .sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset);
      expect(out).toEqual(sorted.map(({ partition, offset }) => `${partition}/${offset}`));
    }),
  );
});

describe('what the broker brings', () => {
  test('must begin where it ended: a gap is told, a step back is an error', () => {
    const order = open();
    order.assign(0, start(9, 3), 0);
    expect(order.push(fetched(0, [recordOf(0, 5, 1)], 9), 0)).toEqual({ from: 3, to: 5 });
    expect(() => order.push(fetched(0, [recordOf(0, 0, 1)], 9), 0)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_FOREIGN' }),
    );
  });

  test('begins with the newest record taken before, which is compared and not released again', () => {
    const known = recordOf(0, 2, 7);
    const order = open();
    order.assign(0, start(4, 3, fingerprintOf(placed(known))), 0);
    expect(order.push(fetched(0, [known, recordOf(0, 3, 8)], 4), 0)).toBeNull();
    expect(names(order)).toEqual(['0/3']);
    order.assign(0, start(4, 3, fingerprintOf(placed(known))), 0);
    expect(() => order.push(fetched(0, [{ ...known, value: 'another' }], 4), 0)).toThrow('made again');
  });

  test('is forgotten when the partition is taken away, and fetched again from what was taken', () => {
    const order = open();
    const log = [0, 1, 2].map((offset) => recordOf(0, offset, offset));
    order.assign(0, start(3), 0);
    order.push(fetched(0, log, 3), 0);
    expect(names(order, 1)).toEqual(['0/0']);
    order.revoke();
    expect(names(order)).toEqual([]);
    expect(order.push(fetched(0, log, 3), 0)).toBeNull();
    expect(order.leftAt(0)).toEqual({ next: 1, fingerprint: fingerprintOf(placed(log[0]!)) });
    expect(order.leftAt(1)).toBeNull();
  });
});

test('with bounds it ends: nothing beyond them, and not before they are reached', () => {
  const order = open(
    new Map([
      [0, 2],
      [1, 0],
    ]),
  );
  order.assign(0, start(9), 0);
  expect(order.isDone()).toBe(false);
  order.assign(1, start(0), 0);
  order.push(
    fetched(
      0,
      [0, 1, 2, 3].map((offset) => recordOf(0, offset, offset)),
      9,
    ),
    0,
  );
  expect(order.isDone()).toBe(false);
  expect(names(order)).toEqual(['0/0', '0/1']);
  expect(order.isDone()).toBe(true);
  expect(open().isDone()).toBe(false);
});

test('bytes that wait go down to nothing', () => {
  const order = open();
  order.assign(0, start(3), 0);
  order.push(
    fetched(
      0,
      [0, 1, 2].map((offset) => recordOf(0, offset, offset)),
      3,
    ),
    0,
  );
  expect(order.progress()).toEqual([{ partition: 0, next: 0, high: 3, bytes: 30 }]);
  names(order, 1);
  expect(order.progress()).toEqual([{ partition: 0, next: 1, high: 3, bytes: 20 }]);
  names(order);
  expect(order.progress()).toEqual([{ partition: 0, next: 3, high: 3, bytes: 0 }]);
});
