// Invariants 1 to 3 of watermark.ts, and what it means to be late.
import { describe, expect, test } from 'vitest';
import { eventTime, partitionKey, Watermarks } from '../../src/streams/watermark.ts';
import { tinyConfig } from '../support/stream-events.ts';

// Disorder 2 s, idle after 40 s.
const config = tinyConfig();
const fresh = () => new Watermarks(config, { entries: [], next: {} });
const at = (partition: number, offset: number) => ({ topic: 't', partition, offset });

describe('offsets', () => {
  test('the next offset is the one after the last, by topic and partition', () => {
    const watermarks = fresh();
    watermarks.take(at(0, 7));
    watermarks.take(at(0, 9));
    watermarks.take(at(2, 0));
    expect(watermarks.offsets()).toEqual({ 't/0': 10, 't/2': 1 });
    expect(partitionKey(at(2, 0))).toBe('t/2');
  });

  test('a record below the next offset was taken before (promise 1)', () => {
    const watermarks = fresh();
    expect(watermarks.take(at(0, 7))).not.toBeNull();
    expect(watermarks.take(at(0, 7))).toBeNull();
    expect(watermarks.take(at(0, 3))).toBeNull();
    expect(watermarks.offsets()).toEqual({ 't/0': 8 });
  });

  test('more partitions than are supported is an error, not a forgotten offset', () => {
    const watermarks = fresh();
    for (let partition = 0; partition < 10_000; partition++) watermarks.take(at(partition, 0));
    expect(() => watermarks.take(at(10_000, 0))).toThrow(
      expect.objectContaining({ code: 'INPUT_UNREADABLE' }),
    );
  });
});

describe('clocks', () => {
  test('late is what is behind its partition by more than the disorder, before it moves the clock', () => {
    const watermarks = fresh();
    const p = watermarks.take(at(0, 0))!;
    expect(watermarks.observe(p, 100_000)).toBe(false);
    expect(watermarks.observe(p, 98_000)).toBe(false);
    expect(watermarks.observe(p, 97_999)).toBe(true);
    expect(watermarks.of(p.value)).toBe(98_000);
  });

  test('another partition does not make an event late', () => {
    const watermarks = fresh();
    watermarks.observe(watermarks.take(at(0, 0))!, 100_000);
    expect(watermarks.observe(watermarks.take(at(1, 0))!, 10_000)).toBe(false);
  });

  test('a partition that lags is taken to be 40 s behind the newest event of all', () => {
    const watermarks = fresh();
    const p = watermarks.take(at(0, 0))!;
    const q = watermarks.take(at(1, 0))!;
    watermarks.observe(q, 50_000);
    watermarks.observe(p, 80_000);
    expect(watermarks.of(q.value)).toBe(48_000); // its own: 50 - 2 s; the others' floor: 80 - 40 s
    watermarks.observe(p, 100_000);
    expect(watermarks.of(q.value)).toBe(60_000);
    expect(watermarks.of(p.value)).toBe(98_000);
    expect(watermarks.floorMs).toBe(60_000);
  });

  test('no event is newer than its record; an older one keeps its time', () => {
    expect(eventTime(9_000_000, 101_000)).toBe(101_000);
    expect(eventTime(99_000, 101_000)).toBe(99_000);
  });

  test('before any event nothing is complete', () => {
    const watermarks = fresh();
    const p = watermarks.take(at(0, 0))!;
    expect(watermarks.of(p.value)).toBe(Number.NEGATIVE_INFINITY);
  });

  test('saved and opened again, offsets and clocks stand where they stood', () => {
    const watermarks = fresh();
    watermarks.observe(watermarks.take(at(0, 4))!, 100_000);
    watermarks.take(at(1, 2)); // only a malformed record: an offset, no time
    const entries: Parameters<typeof watermarks.table.drain>[0] = [];
    watermarks.table.drain(entries);
    const again = new Watermarks(config, { entries, next: { partitions: watermarks.table.next } });
    expect(again.offsets()).toEqual({ 't/0': 5, 't/1': 3 });
    expect(again.of(again.table.get('t/0')!.value)).toBe(98_000);
    expect(again.of(again.table.get('t/1')!.value)).toBe(60_000);
    expect(again.table.get('t/1')!.value.newestMs).toBe(Number.NEGATIVE_INFINITY);
  });
});

test('clocks are told per partition, and nothing of one without an event', () => {
  const watermarks = fresh();
  watermarks.take(at(1, 0));
  const first = watermarks.take(at(0, 0))!;
  expect(watermarks.clocks()[0]).toEqual({ topic: 't', partition: 1, newestMs: null, watermarkMs: null });
  watermarks.observe(first, 100_000);
  expect(watermarks.clocks()).toEqual([
    // Taken to be there: idle for 40 s behind the newest of all.
    { topic: 't', partition: 1, newestMs: null, watermarkMs: 60_000 },
    { topic: 't', partition: 0, newestMs: 100_000, watermarkMs: 98_000 },
  ]);
});
