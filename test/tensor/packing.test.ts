// Checks (invariants of packing.ts):
// 1. grid[cells[i]] = i; the cells with mask 1 are exactly those in `cells`; pads follow the real tokens.
// 2. Ids, segments and positions come out in the order given; first and last are the ends of each sequence.
// 3. Output rows are those before the output tokens, and never a row of the prompt but its last.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FeedValue, type PackedBatch, pack, packCompletions } from '../../src/tensor/packing.ts';

const ints = (...values: number[]) => Int32Array.of(...values);
const plain = (batch: object) =>
  Object.fromEntries(Object.entries(batch).map(([name, v]) => [name, [[...v.data], [...v.shape]]]));

/** Reads every sequence back through the grid. */
function unpack(batch: PackedBatch<FeedValue>): { ids: number[]; segments: number[] }[] {
  const [n, t] = batch.grid.shape as [number, number];
  return Array.from({ length: n }, (_, i) => {
    const cells = Array.from({ length: t }, (_, position) => i * t + position);
    const rows = cells.filter((cell) => batch.mask.data[cell] === 1).map((cell) => batch.grid.data[cell]!);
    return {
      ids: rows.map((row) => batch.ids.data[row]!),
      segments: rows.map((row) => batch.segments.data[row]!),
    };
  });
}

const sequence = fc
  .array(fc.tuple(fc.nat(1000), fc.nat(1)), { minLength: 1, maxLength: 12 })
  .map((tokens) => ({
    ids: Int32Array.from(tokens, ([id]) => id),
    segments: Int32Array.from(tokens, ([, segment]) => segment),
  }));

describe('pack', () => {
  test('the example at the top of packing.ts', () => {
    const batch = pack([{ ids: ints(7, 8, 9), segments: ints(0, 0, 1) }, { ids: ints(5, 6) }]);
    expect(plain(batch)).toEqual({
      ids: [[7, 8, 9, 5, 6], [5]],
      positions: [[0, 1, 2, 0, 1], [5]],
      segments: [[0, 0, 1, 0, 0], [5]],
      cells: [[0, 1, 2, 3, 4], [5]],
      grid: [
        [0, 1, 2, 3, 4, 0],
        [2, 3],
      ],
      mask: [
        [1, 1, 1, 1, 1, 0],
        [2, 3],
      ],
      first: [[0, 3], [2]],
      last: [[2, 4], [2]],
    });
  });

  test('the grid gives every sequence back', () => {
    fc.assert(
      fc.property(fc.array(sequence, { minLength: 1, maxLength: 8 }), (sequences) => {
        const expected = sequences.map(({ ids, segments }) => ({ ids: [...ids], segments: [...segments] }));
        expect(unpack(pack(sequences))).toEqual(expected);
      }),
    );
  });

  test('rows and cells point at each other; pads come last', () => {
    fc.assert(
      fc.property(fc.array(sequence, { minLength: 1, maxLength: 8 }), (sequences) => {
        const { cells, grid, mask, positions, first, last } = pack(sequences);
        const t = grid.shape[1]!;
        cells.data.forEach((cell, row) => {
          expect(grid.data[cell]).toBe(row);
          expect(mask.data[cell]).toBe(1);
          expect(positions.data[row]).toBe(cell % t);
        });
        expect(Float32Array.from(mask.data).filter((x) => x === 1)).toHaveLength(cells.data.length);
        sequences.forEach(({ ids }, i) => {
          expect(last.data[i]! - first.data[i]! + 1).toBe(ids.length);
          expect(positions.data[first.data[i]!]).toBe(0);
        });
      }),
    );
  });

  test('refuses an empty batch, an empty sequence and segments of another length', () => {
    expect(() => pack([])).toThrow('at least one token');
    expect(() => pack([{ ids: ints() }])).toThrow('at least one token');
    expect(() => pack([{ ids: ints(1, 2), segments: ints(0) }])).toThrow('as many segment ids as tokens');
  });
});

describe('packCompletions', () => {
  test('the row before an output token predicts it', () => {
    const batch = packCompletions([
      { ids: ints(1, 2, 3, 4), outputFrom: 2 },
      { ids: ints(5, 6), outputFrom: 1 },
    ]);
    expect([...batch.ids.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...batch.rows.data]).toEqual([1, 2, 4]);
    expect([...batch.targets.data]).toEqual([3, 4, 6]);
    expect(batch.rows.shape).toEqual([3]);
  });

  test('refuses a completion without a prompt or without an output', () => {
    expect(() => packCompletions([{ ids: ints(1, 2), outputFrom: 0 }])).toThrow('needs a prompt');
    expect(() => packCompletions([{ ids: ints(1, 2), outputFrom: 2 }])).toThrow('needs a prompt');
  });
});
