// Checks:
// 1. Names, type, rank, sizes and the length of the data are checked; sizes of one name must agree.
// 2. Every refusal names the function, the input, what it got and what it expected.
import { describe, expect, test } from 'vitest';
import { checkFeeds } from '../../src/tensor/feeds.ts';
import type { Feed, Output, Size } from '../../src/tensor/graph.ts';
import type { DataType } from '../../src/tensor/graph-def.ts';

const feed = (type: DataType, ...shape: Size[]): Feed => ({ type, shape, node: 'x' as Output });
const definition = {
  name: 'train',
  feeds: { ids: feed('int32', 'm'), mask: feed('float32', '2b', 't'), weights: feed('float32', 'b') },
  fetches: {},
};
const floats = (...shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });
const ints = (...shape: number[]) => ({ data: new Int32Array(shape.reduce((a, b) => a * b, 1)), shape });
const good = { ids: ints(5), mask: floats(4, 3), weights: floats(2) };

const refusal = (feeds: Parameters<typeof checkFeeds>[1]): string => {
  try {
    checkFeeds(definition, feeds);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SHAPE_MISMATCH' });
    return (error as Error).message;
  }
  throw new Error('was not refused');
};

describe('checkFeeds', () => {
  test('accepts what fits', () => {
    checkFeeds(definition, good);
    checkFeeds(definition, { ...good, mask: floats(2, 9), weights: floats(1) });
  });

  test('a missing and an unknown input', () => {
    const { weights, ...rest } = good;
    expect(refusal(rest)).toContain('function train is fed ids, mask, needs ids, mask, weights');
    expect(refusal({ ...good, weight: weights })).toContain('is fed ids, mask, weights, weight');
  });

  test('type, rank and length', () => {
    expect(refusal({ ...good, ids: floats(5) })).toContain(
      'function train, input ids: got float32 [5] (5 numbers), expected int32 [m]',
    );
    expect(refusal({ ...good, ids: ints(5, 1) })).toContain(
      'got int32 [5,1] (5 numbers), expected int32 [m]',
    );
    expect(refusal({ ...good, ids: { data: new Int32Array(4), shape: [5] } })).toContain(
      'got int32 [5] (4 numbers)',
    );
  });

  test('sizes that do not agree', () => {
    expect(refusal({ ...good, weights: floats(3) })).toContain(
      'input weights: got float32 [3] (3 numbers), expected float32 [b] with b = 2',
    );
    // One weight would be spread over all pairs by TensorFlow without a word.
    expect(refusal({ ...good, weights: floats(1) })).toContain('with b = 2');
  });

  test('an odd number where a double is asked for', () => {
    expect(refusal({ ...good, mask: floats(3, 3) })).toContain(
      'input mask: got float32 [3,3] (9 numbers), expected float32 [2b,t]',
    );
  });
});
