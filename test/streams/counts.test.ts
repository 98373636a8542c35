// The counts survive being saved, with where the slot tables stand; another format is refused.
import { expect, test } from 'vitest';
import { noCounts, packTotals, unpackTotals } from '../../src/streams/counts.ts';

test('what was packed is what is unpacked', () => {
  const totals = { counts: { ...noCounts(), records: 12, bots: 3, preferences: 2 ** 40 }, next: { open: 7 } };
  const entry = packTotals(totals);
  expect([entry.table, entry.slot]).toEqual(['counts', 0]);
  expect(unpackTotals([{ table: 'queries', slot: 0, value: Buffer.from('x') }, entry])).toEqual(totals);
});

test('without anything saved all is zero, and no two holders share their counts', () => {
  const { counts, next } = unpackTotals([]);
  expect(next).toEqual({});
  expect(Object.values(counts).every((count) => count === 0)).toBe(true);
  counts.records++;
  expect(noCounts().records).toBe(0);
});

test('another format is refused', () => {
  const entry = { table: 'counts', slot: 0, value: Buffer.from('[9,{},{}]') } as const;
  expect(() => unpackTotals([entry])).toThrow(expect.objectContaining({ code: 'JOURNAL_FOREIGN' }));
});
