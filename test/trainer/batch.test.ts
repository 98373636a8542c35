// Items follow the groups; batches are shuffled passes, bounded by stepsMax; nothing is lost within a pass.
// Micro-batches are the batch in order. Batches by length have every item once, in order of length, within
// both bounds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import {
  batches,
  batchesByLength,
  distillItems,
  microBatches,
  pairItems,
  preferenceItems,
} from '../../src/trainer/batch.ts';
import { groupOf } from '../support/groups.ts';

describe('items', () => {
  const groups = [groupOf(0), groupOf(1, { pairs: [0, 2] })];

  it('has a pair per satisfied click and a preference per judgement', () => {
    expect(pairItems(groups).map((i) => [i.group.sequence, i.result])).toEqual([
      [0, 0],
      [1, 0],
      [1, 2],
    ]);
    expect(preferenceItems(groups)).toHaveLength(6);
    expect(preferenceItems(groups)[0]).toMatchObject({ better: 0, worse: 1, weight: 1 });
  });

  it('draws pairs of different results for distillation, at most as many as there are', () => {
    const items = distillItems([groupOf(0, {}, 2), groupOf(1, {}, 1), groupOf(2)], 3, randomFor(1));
    expect(items.filter((i) => i.group.sequence === 0)).toHaveLength(1);
    expect(items.filter((i) => i.group.sequence === 1)).toHaveLength(0);
    expect(items.filter((i) => i.group.sequence === 2)).toHaveLength(3);
    for (const item of items) {
      expect(item.positive).not.toBe(item.negative);
      expect(Math.max(item.positive, item.negative)).toBeLessThan(item.group.results.length);
    }
  });
});

describe('batches', () => {
  const items = Array.from({ length: 10 }, (_, i) => i);

  it('covers every item once per pass', () => {
    const cut = batches(items, { batch: 4, passes: 2, stepsMax: 99 }, randomFor(3));
    expect(cut.map((b) => b.length)).toEqual([4, 4, 4, 4, 4]);
    expect(cut.flat().sort((a, b) => a - b)).toEqual(items.flatMap((i) => [i, i]));
    expect(
      cut
        .flat()
        .slice(0, 10)
        .sort((a, b) => a - b),
    ).toEqual(items);
  });

  it('stops at stepsMax, and is empty for no items', () => {
    expect(batches(items, { batch: 4, passes: 1, stepsMax: 2 }, randomFor(3)).map((b) => b.length)).toEqual([
      4, 4,
    ]);
    expect(batches([], { batch: 4, passes: 1, stepsMax: 2 }, randomFor(3))).toEqual([]);
    expect(batches(items, { batch: 4, passes: 1, stepsMax: 0 }, randomFor(3))).toEqual([]);
  });
});

describe('micro-batches', () => {
  it('are parts of one size but for the last, in order', () => {
    expect(microBatches([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    expect(microBatches([1, 2, 3, 4, 5], 4)).toEqual([[1, 2], [3, 4], [5]]);
    expect(microBatches([1, 2], 5)).toEqual([[1], [2]]);
  });
});

describe('batches by length', () => {
  it('take the shortest first, as many as fit with their pads', () => {
    const lengths = [9, 2, 4, 2, 30, 5];
    expect(batchesByLength(lengths, { items: 3, tokens: 100 })).toEqual([
      [1, 3, 2],
      [5, 0, 4],
    ]);
    // 2 x 4 fits and 3 x 4 does not; 30 alone is more than a batch may hold.
    expect(batchesByLength(lengths, { items: 3, tokens: 11 })).toEqual([[1, 3], [2, 5], [0], [4]]);
    expect(batchesByLength([], { items: 3, tokens: 100 })).toEqual([]);
  });

  it('hold every item once and keep both bounds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 })),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 200 }),
        (lengths, items, tokens) => {
          const cut = batchesByLength(lengths, { items, tokens });
          expect(cut.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
          const ordered = cut.flat().map((i) => lengths[i]!);
          expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
          for (const batch of cut) {
            expect(batch.length).toBeLessThanOrEqual(items);
            const padded = batch.length * Math.max(...batch.map((i) => lengths[i]!));
            if (batch.length > 1) expect(padded).toBeLessThanOrEqual(tokens);
          }
        },
      ),
    );
  });
});
