// Items follow the groups; batches are shuffled passes, bounded by stepsMax; nothing is lost within a pass.
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { batches, distillItems, pairItems, preferenceItems } from '../../src/trainer/batch.ts';
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
