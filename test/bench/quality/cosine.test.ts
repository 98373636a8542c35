// What the student's start is measured by: the hidden state that bertHidden gives for the classification
// token, put through pooler and classifier by hand, is the score that the cross-encoder gives.
import { expect, it } from 'vitest';
import { bertHidden, bertParameters, bertScores } from '../../../src/tensor/bert.ts';
import type { BertConfig } from '../../../src/tensor/model-config.ts';
import { pack } from '../../../src/tensor/packing.ts';
import { computed, lively } from '../../support/tensor.ts';

const config: BertConfig = {
  ...{ vocabulary: 20, layers: 2, hidden: 8, heads: 2, intermediate: 12 },
  ...{ positions: 8, segments: 2, epsilon: 1e-12 },
};
const weights = lively(bertParameters(config), 3);
const sequences = [
  [1, 5, 7, 2],
  [1, 9, 2],
  [1, 4, 4, 8, 11, 2],
].map((ids) => ({ ids: Int32Array.from(ids) }));

it('gives the hidden state that scores are read from', () => {
  const hidden = computed(weights, pack(sequences), (ops, batch) => bertHidden(ops, config, batch));
  const scores = computed(weights, pack(sequences), (ops, batch) => bertScores(ops, config, batch));
  let row = 0;
  sequences.forEach(({ ids }, i) => {
    const first = [...hidden.slice(row * config.hidden, (row + 1) * config.hidden)];
    row += ids.length;
    expect(dense('classifier', dense('bert.pooler.dense', first).map(Math.tanh))[0]).toBeCloseTo(
      scores[i]!,
      5,
    );
  });
  expect(hidden).toHaveLength(row * config.hidden);
  expect(Math.abs(scores[0]! - scores[1]!)).toBeGreaterThan(1e-3);
});

/** W x + b. */
function dense(name: string, x: readonly number[]): number[] {
  const weight = weights.get(`${name}.weight`)!.data;
  const bias = weights.get(`${name}.bias`)!.data;
  return [...bias].map((b, row) => x.reduce((sum, value, i) => sum + value * weight[row * x.length + i]!, b));
}
