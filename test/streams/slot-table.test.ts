// Invariants 1 to 4 of slot-table.ts: bounded; slots stay put and are used again; a drain names each slot
// once and nothing that came and went; a table loaded from the drains is the drained one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Layout, SlotTable } from '../../src/streams/slot-table.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { countHeld } from '../support/garbage.ts';

const layout = (capacity: number, base = 0): Layout<{ n: number }> => ({
  name: 'numbers',
  table: 'queries',
  base,
  capacity,
  pack: ({ n }) => [n],
  unpack: ([n]) => ({ n: n as number }),
});

const nothing = { entries: [], next: {} };
const drain = (table: SlotTable<{ n: number }>): StateEntry[] => {
  const changes: StateEntry[] = [];
  table.drain(changes);
  return changes;
};
const text = ({ slot, value }: StateEntry) => [slot, value === null ? null : Buffer.from(value).toString()];
const shown = (table: SlotTable<{ n: number }>) =>
  [...table.entries()].map(({ key, value, order }) => [key, value.n, order]);

test('a value is stored as version, order, key and fields', () => {
  const table = new SlotTable(layout(4, 100), nothing);
  table.add('x', { n: 7 });
  table.add('y', { n: 8 });
  expect(drain(table).map(text)).toEqual([
    [100, '[1,0,"x",7]'],
    [101, '[1,1,"y",8]'],
  ]);
  expect(drain(table)).toEqual([]);
});

test('only what changed is drained, each slot once', () => {
  const table = new SlotTable(layout(4), nothing);
  const x = table.add('x', { n: 1 });
  const y = table.add('y', { n: 2 });
  drain(table);
  y.value.n = 3;
  table.changed(y);
  table.changed(y);
  expect(drain(table).map(text)).toEqual([[1, '[1,1,"y",3]']]);
  table.remove(x);
  expect(drain(table).map(text)).toEqual([[0, null]]);
});

test('an entry made and removed between two drains costs nothing', () => {
  const table = new SlotTable(layout(2), nothing);
  for (let i = 0; i < 10; i++) table.remove(table.add(`k${i}`, { n: i }));
  expect(drain(table)).toEqual([]);
});

test('a freed slot is overwritten in place rather than cleared', () => {
  const table = new SlotTable(layout(2), nothing);
  const x = table.add('x', { n: 1 });
  drain(table);
  table.remove(x);
  table.add('z', { n: 2 });
  expect(drain(table).map(text)).toEqual([[0, '[1,1,"z",2]']]);
});

test('cleared slots are used again, for ever', () => {
  const table = new SlotTable(layout(2), nothing);
  for (let i = 0; i < 10; i++) {
    const entry = table.add(`k${i}`, { n: i });
    expect(drain(table).map(({ slot }) => slot)).toEqual([0]);
    table.remove(entry);
    expect(drain(table).map(text)).toEqual([[0, null]]);
  }
});

test('long-lived entries stay while there is room, however many come and go', () => {
  const table = new SlotTable(layout(2), nothing);
  table.add('old', { n: 1 });
  drain(table);
  for (let i = 0; i < 5; i++) {
    const entry = table.add(`k${i}`, { n: i });
    drain(table);
    table.remove(entry);
  }
  expect(table.get('old')?.value.n).toBe(1);
});

test('renewing makes an entry the newest; it ages by half the capacity', () => {
  const table = new SlotTable(layout(4), nothing);
  const x = table.add('x', { n: 1 });
  table.add('y', { n: 2 });
  expect(table.ageing(x)).toBe(false);
  table.add('z', { n: 3 });
  expect(table.ageing(x)).toBe(true);
  table.renew(x);
  expect(shown(table)).toEqual([
    ['y', 2, 1],
    ['z', 3, 2],
    ['x', 1, 3],
  ]);
  expect(table.oldest?.key).toBe('y');
});

test('adding to a full table, adding a key twice and touching what is gone are bugs', () => {
  const table = new SlotTable(layout(2), nothing);
  const x = table.add('x', { n: 1 });
  table.add('y', { n: 2 });
  expect(() => table.add('z', { n: 3 })).toThrow(/to a full table/);
  table.remove(x);
  expect(() => table.changed(x)).toThrow(/left its table/);
  expect(() => table.remove(x)).toThrow(/left its table/);
  expect(() => table.add('y', { n: 2 })).toThrow(/to a table that has it/);
});

test('a value of another format is refused by name', () => {
  const entries = [{ table: 'queries', slot: 3, value: Buffer.from('[2,0,"x",1]') }] as const;
  expect(() => new SlotTable(layout(4), { entries, next: {} })).toThrow(
    expect.objectContaining({
      code: 'JOURNAL_FOREIGN',
      message: expect.stringMatching(/slot 3 .* format 2, expected 1/),
    }),
  );
});

test('slots of another table, or outside of the range, are not taken', () => {
  const value = Buffer.from('[1,0,"x",1]');
  const entries = [
    { table: 'queries', slot: 9, value },
    { table: 'sessions', slot: 10, value },
    { table: 'queries', slot: 12, value },
    { table: 'queries', slot: 11, value: null },
  ] as const;
  expect(new SlotTable(layout(2, 10), { entries, next: {} }).size).toBe(0);
});

test('any keys and any order of operations: the loaded table is the drained one and goes on like it', () => {
  const operation = fc.record({
    what: fc.constantFrom('add', 'change', 'remove', 'renew', 'drain', 'reload'),
    key: fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.string({ unit: 'binary', maxLength: 3 })),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const capacity = 4;
      const journal = new Map<number, Uint8Array>();
      let next = 0;
      let drained = new SlotTable(layout(capacity, 5), nothing);
      const plain = new SlotTable(layout(capacity, 5), nothing);
      const save = () => {
        const changes = drain(drained);
        expect(new Set(changes.map(({ slot }) => slot)).size).toBe(changes.length);
        for (const { slot, value } of changes)
          if (value === null) expect(journal.delete(slot)).toBe(true);
          else journal.set(slot, value);
        expect([...journal.keys()].every((slot) => slot >= 5 && slot < 5 + capacity)).toBe(true);
        next = drained.next;
      };
      for (const [index, { what, key }] of operations.entries()) {
        for (const table of [drained, plain]) {
          const entry = table.get(key);
          if (what === 'add' && entry === undefined) {
            if (table.full) table.remove(table.oldest!);
            table.add(key, { n: index });
          } else if (what === 'change' && entry) {
            entry.value.n = index;
            table.changed(entry);
          } else if (what === 'remove' && entry) table.remove(entry);
          else if (what === 'renew' && entry) table.renew(entry);
        }
        if (what === 'drain' || what === 'reload') save();
        if (what === 'reload') {
          const entries = [...journal].map(([slot, value]) => ({ table: 'queries', slot, value }) as const);
          drained = new SlotTable(layout(capacity, 5), {
            entries: entries.reverse(),
            next: { numbers: next },
          });
        }
        expect(shown(drained)).toEqual(shown(plain));
        if (index % 3 > 0) expect(plain.oldest).toBe([...plain.entries()][0]);
        if (index % 5 > 0) expect(drained.oldest).toBe([...drained.entries()][0]);
        expect(drained.next).toBe(plain.next);
      }
    }),
    { numRuns: 300 },
  );
});

test.each([true, false])('what was removed is held no more, drained (%s) or not', async (isDrained) => {
  const staying = 100;
  const held = await countHeld((watch) => {
    const table = new SlotTable(layout(2 * staying), nothing);
    const added = Array.from({ length: 5_000 }, (_, n) => {
      const value = { n };
      watch(value);
      const entry = table.add(`${n}`, value);
      if (n >= staying) table.remove(table.get(`${n - staying}`)!);
      if (isDrained) drain(table);
      return entry.order;
    });
    expect(added).toHaveLength(5_000);
    return table;
  });
  expect(held).toBe(staying);
});
