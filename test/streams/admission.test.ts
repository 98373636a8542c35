// Invariants 1 to 3 of admission.ts: who is a bot, how often its events are counted, when it is forgotten.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Admission } from '../../src/streams/admission.ts';
import { everyPartition, Schedule } from '../../src/streams/schedule.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { minute, second, tinyConfig } from '../support/stream-events.ts';

function open(options: { readonly perMinute?: number; readonly sessionsMax?: number } = {}, saved?: Saved) {
  const { perMinute = 3, sessionsMax = 100 } = options;
  const config = tinyConfig({ bots: { events_per_minute_max: perMinute, sessions_max: sessionsMax } });
  const schedule: Schedule = new Schedule(({ key, order }) => admission.table.get(key)?.order === order);
  const admission: Admission = new Admission(config, schedule, saved ?? { entries: [], next: {} });
  const pass = (watermarkMs: number) => {
    for (
      let t = schedule.take(everyPartition, watermarkMs);
      t;
      t = schedule.take(everyPartition, watermarkMs)
    )
      admission.expire(t);
  };
  return { admission, schedule, pass };
}
interface Saved {
  readonly entries: StateEntry[];
  readonly next: Record<string, number>;
}
const save = ({ table }: Admission): Saved => {
  const entries: StateEntry[] = [];
  table.drain(entries);
  return { entries, next: { sessions: table.next } };
};
const seen = (admission: Admission, timesMs: number[]) =>
  timesMs.map((timeMs) => admission.observe('s', timeMs));

describe('the rate', () => {
  test('three a minute are a person, the fourth within 60 s makes a bot of all four', () => {
    const { admission } = open();
    expect(seen(admission, [0, 10_000, 20_000])).toEqual([0, 0, 0]);
    expect(admission.isBot('s')).toBe(false);
    expect(seen(admission, [59_999])).toEqual([4]);
    expect(admission.isBot('s')).toBe(true);
    expect(admission.isBot('another')).toBe(false);
  });

  test('60 s apart is not within 60 s', () => {
    const { admission } = open();
    expect(seen(admission, [0, 20_000, 40_000, 60_000, 80_000, 100_000])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('the events of a quiet past are counted too, once, and later ones one by one', () => {
    const { admission } = open();
    expect(seen(admission, [0, 5 * minute, 10 * minute])).toEqual([0, 0, 0]);
    const burst = [0, 1, 2, 3, 4, 5].map((i) => 20 * minute + i);
    expect(seen(admission, burst)).toEqual([0, 0, 0, 7, 1, 1]);
    expect(seen(admission, [60 * minute])).toEqual([1]);
  });

  test('events out of order count within the minute that ends with the newest', () => {
    const { admission } = open();
    expect(seen(admission, [100_000, 70_000, 50_000])).toEqual([0, 0, 0]);
    expect(seen(admission, [40_000])).toEqual([0]); // 60 s before the newest: not within
    expect(seen(admission, [40_001])).toEqual([5]);
  });
});

test('any times in order: a bot is who has four events within 60 s, and every event is counted once', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(gaps, (list) => {
      const times: number[] = [];
      for (const gap of list) times.push((times.at(-1) ?? 0) + gap);
      const { admission } = open();
      const counted = seen(admission, times).reduce((sum, n) => sum + n, 0);
      const bot = times.some((timeMs, i) => times[i + 3] !== undefined && times[i + 3]! - timeMs < minute);
      expect(admission.isBot('s')).toBe(bot);
      expect(counted).toBe(bot ? times.length : 0);
    }),
  );
});

describe('memory', () => {
  // Window 30 s + lateness 20 s + one minute.
  const memoryMs = 110 * second;

  test('a session is forgotten when all partitions are past its newest event and its pages', () => {
    const { admission, pass } = open();
    seen(admission, [0, 50 * second]);
    pass(memoryMs + 1);
    expect(admission.table.size).toBe(1);
    pass(50 * second + memoryMs);
    expect(admission.table.size).toBe(1);
    pass(50 * second + memoryMs + 1);
    expect(admission.table.size).toBe(0);
  });

  test('a bot stays one while it is active', () => {
    const { admission, pass } = open();
    seen(admission, [0, 1, 2, 3]);
    for (let timeMs = minute; timeMs < 60 * minute; timeMs += minute) {
      pass(timeMs);
      expect(admission.observe('s', timeMs)).toBe(1);
    }
  });

  test('when full the least recently active session goes', () => {
    const { admission } = open({ sessionsMax: 3 });
    for (const session of ['a', 'b', 'c']) admission.observe(session, 0);
    admission.observe('a', 1);
    admission.observe('d', 2);
    expect([...admission.table.entries()].map(({ key }) => key)).toEqual(['c', 'a', 'd']);
  });

  test('a session that was renewed is still forgotten in the end', () => {
    const { admission, pass } = open({ sessionsMax: 3 });
    for (const session of ['a', 'b', 'c']) admission.observe(session, 0);
    admission.observe('a', 1);
    pass(memoryMs + 2);
    expect(admission.table.size).toBe(0);
  });

  test('however many sessions come, timers stay in proportion (promise 11)', () => {
    const { admission, schedule } = open({ sessionsMax: 10 });
    for (let i = 0; i < 20_000; i++) admission.observe(`s${i % 500}`, i);
    expect(admission.table.size).toBe(10);
    expect(schedule.size).toBeLessThanOrEqual(1024);
  });

  test('saved and opened again, the rate and the verdict go on', () => {
    const first = open();
    seen(first.admission, [0, 10_000, 20_000]);
    const second_ = open({}, save(first.admission));
    expect(seen(second_.admission, [30_000])).toEqual([4]);
    const third = open({}, save(second_.admission));
    expect(third.admission.isBot('s')).toBe(true);
    third.pass(30_000 + memoryMs + 1);
    expect(third.admission.table.size).toBe(0);
  });
});
