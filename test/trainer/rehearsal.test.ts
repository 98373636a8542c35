// Promise 7: holdout groups never train. Promise 11: groups of one query are bounded. Promise 2: the same
// draw for the same generator, from [low, from) and the memory only.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { boundPerQuery, rehearse } from '../../src/trainer/rehearsal.ts';
import { groupOf, journalOf } from '../support/groups.ts';

const groups = Array.from({ length: 100 }, (_, i) =>
  groupOf(i, { queryKey: `k${i}`, holdout: i % 10 === 0 }),
);
const options = { share: 0.25, perQueryMax: 20 };

describe('rehearsal', () => {
  it('mixes a share of the past into the fresh groups, half recent and half from the memory', () => {
    const journal = journalOf(groups, 30, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const { fresh, past } = rehearse(journal, { from: 60, to: 90 }, options, randomFor(1));
    expect(fresh.map((g) => g.sequence)).toEqual(
      groups.slice(60, 90).flatMap((g) => (g.holdout ? [] : g.sequence)),
    );
    // 27 fresh groups are 75 %, so 9 are wanted: 4 from the memory, 5 from [30, 60) of which some are held
    // out.
    expect(past.filter((g) => g.sequence < 10)).toHaveLength(4);
    expect(past.every((g) => g.sequence < 10 || (g.sequence >= 30 && g.sequence < 60))).toBe(true);
    expect(past.length).toBeGreaterThan(4);
  });

  it('never yields a holdout group, nor one at or after the block (property)', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(49), fc.nat(1000), (low, from, seed) => {
        const start = Math.min(99, low + from);
        const journal = journalOf(groups, low, [...Array(low).keys()]);
        const { fresh, past } = rehearse(journal, { from: start, to: 100 }, options, randomFor(seed));
        for (const group of [...fresh, ...past]) expect(group.holdout).toBe(false);
        for (const group of past) expect(group.sequence).toBeLessThan(start);
      }),
    );
  });

  it('draws the same for the same generator', () => {
    const draw = (): number[] =>
      rehearse(journalOf(groups, 0, []), { from: 60, to: 90 }, options, randomFor(5, 'x')).past.map(
        (g) => g.sequence,
      );
    expect(draw()).toEqual(draw());
  });

  it('keeps the newest groups of a query and their order', () => {
    const flood = [1, 2, 3, 4, 5].map((i) => groupOf(i, { queryKey: i === 3 ? 'other' : 'flood' }));
    expect(boundPerQuery(flood, 2).map((g) => g.sequence)).toEqual([3, 4, 5]);
  });
});
