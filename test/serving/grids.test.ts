// Invariants:
// - every sequence is in one grid; grids are of like lengths, and none is larger than memory should hold
// - a grid's inputs are the sequences, row by row, pads after them with mask 0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillGrid, grids } from '../../src/serving/grids.ts';

describe('grids', () => {
  it('keep like lengths together', () => {
    expect(grids([])).toEqual([]);
    expect(grids([5])).toEqual([[0]]);
    // The longest first: 4 share a grid whatever they are, then a fifth would be padded too much.
    expect(grids([8, 100, 9, 8, 8, 8, 90])).toEqual([
      [1, 6, 2, 0],
      [3, 4, 5],
    ]);
    expect(grids([20, 20, 20, 20, 20, 18])).toEqual([[0, 1, 2, 3, 4, 5]]);
  });

  it('hold every sequence once and stay small', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 512 }), { maxLength: 300 });
    fc.assert(
      fc.property(lengths, (all) => {
        const made = grids(all);
        expect(made.flat().sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
        for (const grid of made) {
          const longest = Math.max(...grid.map((i) => all[i]!));
          const tokens = grid.reduce((sum, i) => sum + all[i]!, 0);
          expect(grid.length * longest ** 2).toBeLessThanOrEqual(2 ** 21);
          if (grid.length > 4) expect(grid.length * longest).toBeLessThanOrEqual(1.25 * tokens);
        }
      }),
    );
  });

  it('are filled row by row', () => {
    const pair = (ids: number[], segments: number[]) => ({
      ids: Int32Array.from(ids),
      segments: Int32Array.from(segments),
    });
    const { shape, ids, mask, segments } = fillGrid([pair([7, 8, 30_000], [0, 0, 1]), pair([9], [1])]);
    expect(shape).toEqual([2, 3]);
    expect([...ids]).toEqual([7n, 8n, 30_000n, 9n, 0n, 0n]);
    expect([...mask]).toEqual([1n, 1n, 1n, 1n, 0n, 0n]);
    expect([...segments]).toEqual([0n, 0n, 1n, 1n, 0n, 0n]);
  });
});
