// Blends: every ranker is standardised by its own labels, then they count alike; scores and labels by the
// same scale.
import { expect, it } from 'vitest';
import { meanLabels, meanScores } from '../../../bench/quality/blend.ts';

// Means 4 and 20, deviations 1 and 10.
const small = {
  labels: [
    ['k', 3],
    ['l', 5],
  ] as const,
  scores: { q: [3, 6], r: [4] },
};
const large = {
  labels: [
    ['k', 30],
    ['l', 10],
  ] as const,
  scores: { q: [40, 20], r: [0] },
};

it('takes the mean of standardised scores', () => {
  expect(meanScores([small, large])).toEqual({ q: [(-1 + 2) / 2, (2 + 0) / 2], r: [(0 - 2) / 2] });
  expect(meanScores([small])).toEqual({ q: [-1, 2], r: [0] });
});

it('takes the mean of standardised labels', () => {
  expect([...meanLabels([large])]).toEqual([
    ['k', 1],
    ['l', -1],
  ]);
  expect([...meanLabels([small, large]).values()]).toEqual([0, 0]);
});
