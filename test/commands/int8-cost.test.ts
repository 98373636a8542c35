// Invariants: a loss above what is allowed is refused with its figures, one that is allowed or a gain is not.
import { expect, it } from 'vitest';
import { refuseCost } from '../../src/commands/int8-cost.ts';

const cost = { logitMeanGap: 0.01, logitMaxGap: 0.05, queries: 7, judged: 1, ndcg10Drop: 0.02 };

it('refuses too high a cost', () => {
  expect(() => refuseCost(cost, 0.01)).toThrowError(/0\.0200 nDCG@10 on 7 queries.*0\.0500/);
});

it.each([
  [0.02, 0.02],
  [-0.5, 0],
])('lets a drop of %f pass where %f is allowed', (ndcg10Drop, allowed) => {
  expect(() => refuseCost({ ...cost, ndcg10Drop }, allowed)).not.toThrow();
});
