// Invariants of schedule.ts: timers come out in one total order, and those that hold no more do not pile up.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Schedule, type Timer } from '../../src/streams/schedule.ts';

const timer = (dueMs: number, order: number, kind: Timer['kind'] = 'open'): Timer => ({
  dueMs,
  kind,
  order,
  key: `${kind}${order}`,
});

function takeAll(schedule: Schedule, partition: string, watermarkMs: number): Timer[] {
  const taken: Timer[] = [];
  for (let next = schedule.take(partition, watermarkMs); next; next = schedule.take(partition, watermarkMs))
    taken.push(next);
  return taken;
}

test('a timer is due once the watermark is past it, not at it', () => {
  const schedule = new Schedule(() => true);
  schedule.add('p', timer(10, 0));
  expect(schedule.take('p', 10)).toBeNull();
  expect(schedule.take('p', 11)).toEqual(timer(10, 0));
  expect(schedule.take('p', 11)).toBeNull();
  expect(schedule.take('unknown', 11)).toBeNull();
});

test('orphans come before open before retained at one time, then by order', () => {
  const schedule = new Schedule(() => true);
  const kinds = ['session', 'remembered', 'retained', 'open', 'orphan'] as const;
  for (const kind of kinds) for (const order of [2, 1]) schedule.add('p', timer(5, order, kind));
  expect(takeAll(schedule, 'p', 6).map(({ key }) => key)).toEqual([
    ...['orphan1', 'orphan2', 'open1', 'open2', 'retained1', 'retained2'],
    ...['remembered1', 'remembered2', 'session1', 'session2'],
  ]);
});

test('the earliest is a lower bound over all partitions, exact after settling', () => {
  const schedule = new Schedule(() => true);
  expect(schedule.earliestMs).toBe(Number.POSITIVE_INFINITY);
  schedule.add('p', timer(10, 0));
  schedule.add('q', timer(7, 1));
  expect(schedule.earliestMs).toBe(7);
  schedule.take('q', 8);
  expect(schedule.earliestMs).toBe(7);
  schedule.settle();
  expect(schedule.earliestMs).toBe(10);
});

test('any timers: each partition gives out what is due and holds, sorted', () => {
  const timers = fc.uniqueArray(fc.record({ dueMs: fc.nat(50), order: fc.nat(10_000) }), {
    selector: ({ order }) => order,
    maxLength: 200,
  });
  fc.assert(
    fc.property(timers, fc.nat(60), (list, watermarkMs) => {
      const schedule = new Schedule(({ order }) => order % 3 > 0);
      for (const { dueMs, order } of list) schedule.add('p', timer(dueMs, order));
      const expected = list
        .filter(({ dueMs, order }) => dueMs < watermarkMs && order % 3 > 0)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      expect(takeAll(schedule, 'p', watermarkMs)).toEqual(
        expected.map(({ dueMs, order }) => timer(dueMs, order)),
      );
    }),
  );
});

test('promise 11: timers that hold no more are swept, so the size stays in proportion', () => {
  const held = 100;
  let newest = 0;
  const schedule = new Schedule(({ order }) => order > newest - held);
  for (newest = 0; newest < 50_000; newest++)
    schedule.add('p', timer(1_000_000 + ((newest * 7919) % 1000), newest));
  expect(schedule.size).toBeLessThanOrEqual(1024);
  const left = takeAll(schedule, 'p', Number.POSITIVE_INFINITY);
  expect(left).toHaveLength(held - 1);
  const due = left.map(({ dueMs }) => dueMs);
  expect(due).toEqual([...due].sort((a, b) => a - b));
});
