// Figures: 1. An unseen query counts by the fold that tests it, a seen one by the fold that trained on it and
// asks it. 2. PNR is a ratio of sums. 3. Differences are those of the figures, with their sign; an arm
// that lacks a fold is not compared with.
import { expect, it } from 'vitest';
import { figuresOf } from '../../../bench/quality/figures.ts';
import type { Split } from '../../../bench/quality/folds.ts';

const query = (queryId: string, grades: number[]) => ({
  queryId,
  query: queryId,
  documents: grades.map((_, i) => ({ documentId: `${queryId}${i}`, title: '', summary: '' })),
  grades,
});
// In nDCG terms: a has gains 1 and 0, b 7, 3 and 0.
const queries = [query('a', [1, 0]), query('b', [3, 2, 0])];
const split = (fold: number, unseen: string): Split => ({
  fold,
  on: 'test',
  unseen: new Set([unseen]),
  training: new Set(['a', 'b'].filter((id) => id !== unseen)),
  seen: new Set(['a', 'b'].filter((id) => id !== unseen)),
});
const splits = [split(0, 'a'), split(1, 'b')];

const right = { a: [2, 1], b: [3, 2, 1] };
const wrongOnA = { a: [1, 2], b: [3, 2, 1] };
const wrongOnB = { a: [2, 1], b: [1, 2, 3] };

it('asks the fold that tests a query', () => {
  const arm = new Map([
    [0, wrongOnA],
    [1, wrongOnB],
  ]);
  const unseen = figuresOf(queries, splits, 'unseen', arm, {})!;
  const second = 1 / Math.log2(3);
  const worst = (3 * second + 7 / 2) / (7 + 3 * second);
  expect(unseen.queries).toBe(2);
  expect(unseen.ndcg10).toBeCloseTo((second + worst) / 2, 12);
  expect(unseen.pnr).toBe(0);
  // Each fold is right on the query that it trained on.
  expect(figuresOf(queries, splits, 'seen', arm, {})!.ndcg10).toBe(1);
});

it('adds up pairs before it divides', () => {
  const arm = new Map([
    [0, wrongOnA],
    [1, wrongOnA],
  ]);
  // One discordant pair of a, three concordant ones of b.
  expect(figuresOf(queries, splits, 'unseen', arm, {})!.pnr).toBe(3);
});

it('compares by query, signed', () => {
  const arm = new Map([
    [0, wrongOnA],
    [1, right],
  ]);
  const other = new Map([
    [0, right],
    [1, right],
  ]);
  const { against } = figuresOf(queries, splits, 'unseen', arm, { other })!;
  expect(against.other!.ndcg10.mean).toBeCloseTo((1 / Math.log2(3) - 1) / 2, 12);
  expect(against.other!.ndcg10.low).toBeLessThanOrEqual(against.other!.ndcg10.mean);
  // Draws of two queries: a twice 0 - 2, both 3 - 8, b twice 12 - 12.
  expect(against.other!.pnr).toEqual({ mean: 3 - 8, low: 3 - 8, high: 0 });
});

it('does not compare with an arm that lacks a fold, nor with itself', () => {
  const arm = new Map([
    [0, right],
    [1, right],
  ]);
  const half = new Map([[0, right]]);
  expect(figuresOf(queries, splits, 'unseen', arm, { half, itself: arm })!.against).toEqual({});
  expect(figuresOf(queries, splits, 'unseen', half, { arm })!.queries).toBe(1);
  expect(figuresOf(queries, splits, 'unseen', new Map(), { arm })).toBeNull();
});
