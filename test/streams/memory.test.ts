// The bottom-k sample: the k smallest by hash, whatever the order and however often it was opened again.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash32 } from '../../src/hash.ts';
import { type Member, openMemory } from '../../src/streams/memory.ts';

/** Offers sequences in turn and keeps the books of the slots, as the journal does. */
function sample(sequences: Iterable<number>, capacity: number, seed: number, reopenEvery = 1e9): Member[] {
  const slots = new Map<number, number>();
  const members = (): Member[] => [...slots].map(([slot, sequence]) => ({ slot, sequence }));
  let memory = openMemory({ capacity, seed }, []);
  let offered = 0;
  for (const sequence of sequences) {
    const slot = memory.offer(sequence);
    if (slot !== null) slots.set(slot, sequence);
    if (++offered % reopenEvery === 0) memory = openMemory({ capacity, seed }, members());
  }
  expect(new Set(memory.members.map(({ sequence }) => sequence))).toEqual(new Set(slots.values()));
  return members();
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const kept = (members: readonly Member[]): number[] =>
  members.map(({ sequence }) => sequence).sort((a, b) => a - b);

test('keeps the k smallest, in slots 0 to k - 1, in any order and however often it is opened again', () => {
  const cases = fc.record({
    count: fc.nat(80),
    capacity: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(1_000),
    reopenEvery: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(cases, fc.infiniteStream(fc.nat()), ({ count, capacity, seed, reopenEvery }, keys) => {
      const expected = upTo(count)
        .sort((a, b) => hash32(`memory ${a}`, seed) - hash32(`memory ${b}`, seed))
        .slice(0, capacity)
        .sort((a, b) => a - b);
      const shuffled = upTo(count)
        .map((sequence) => ({ sequence, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ sequence }) => sequence);
      for (const order of [upTo(count), shuffled]) {
        const members = sample(order, capacity, seed, reopenEvery);
        expect(kept(members)).toEqual(expected);
        expect(members.map(({ slot }) => slot).sort((a, b) => a - b)).toEqual(upTo(expected.length));
      }
    }),
  );
});

test('keeps old and new alike: each with probability k / n', () => {
  // 400 seeds, 10 of 100 each: a tenth of the sequence has 400 members on average, deviation about 18.
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let seed = 0; seed < 400; seed++)
    for (const { sequence } of sample(upTo(100), 10, seed)) tenths[Math.floor(sequence / 10)]!++;
  expect(tenths.reduce((a, b) => a + b)).toBe(4_000);
  for (const count of tenths) expect(Math.abs(count - 400)).toBeLessThan(80);
});
