// Checks:
// 1. Scores are those of a plain BERT that works one sequence at a time.
// 2. The compiled loss and the gradients of all parameters are those of eager tfjs.
// 3. A score does not depend on the batch its sequence is in: neither on padding nor on the order.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Random, randomFor } from '../../src/random.ts';
import { bertParameters, bertScores } from '../../src/tensor/bert.ts';
import type { BertConfig } from '../../src/tensor/model-config.ts';
import { pack } from '../../src/tensor/packing.ts';
import { hybridMse } from '../../src/trainer/losses.ts';
import { plainBertScore } from '../support/plain-models.ts';
import { compiled, computed, eager, expectSame, lively, randomTensor } from '../support/tensor.ts';

const config: BertConfig = {
  vocabulary: 40,
  layers: 2,
  hidden: 12,
  heads: 3,
  intermediate: 20,
  positions: 16,
  segments: 2,
  epsilon: 1e-12,
};
const weights = lively(bertParameters(config), 1);

function sequences(random: Random, n: number) {
  return Array.from({ length: n }, () => {
    const length = 1 + random.below(config.positions);
    return {
      ids: Int32Array.from({ length }, () => random.below(config.vocabulary)),
      segments: Int32Array.from({ length }, (_, i) => (i > length / 2 ? 1 : 0)),
    };
  });
}

const scores = (batch: ReturnType<typeof sequences>): number[] => [
  ...computed(weights, pack(batch), (ops, inputs) => bertScores(ops, config, inputs)),
];

describe('bertScores', () => {
  test('are those of a plain BERT', () => {
    const batch = sequences(randomFor(1, 'bert'), 12);
    const expected = batch.map(({ ids, segments }) => plainBertScore(config, weights, ids, segments));
    scores(batch).forEach((score, i) => {
      expect(score).toBeCloseTo(expected[i]!, 4);
    });
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
  });

  test('with a single layer too', () => {
    const small = { ...config, layers: 1 };
    const tensors = lively(bertParameters(small), 2);
    const [sequence] = sequences(randomFor(2, 'bert'), 1);
    const [score] = computed(tensors, pack([sequence!]), (ops, inputs) => bertScores(ops, small, inputs));
    expect(score).toBeCloseTo(plainBertScore(small, tensors, sequence!.ids, sequence!.segments), 4);
  });

  test('do not depend on padding or on the order of the batch', () => {
    const random = randomFor(3, 'bert');
    const batch = sequences(random, 6);
    const alone = batch.map((sequence) => scores([sequence])[0]!);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 1 }), (order) => {
        scores(order.map((i) => batch[i]!)).forEach((score, i) => {
          expect(score).toBeCloseTo(alone[order[i]!]!, 5);
        });
      }),
      { numRuns: 8 },
    );
  });

  test('segments count', () => {
    const [sequence] = sequences(randomFor(4, 'bert'), 1);
    const none = { ...sequence!, segments: new Int32Array(sequence!.ids.length) };
    expect(scores([none])[0]).not.toBeCloseTo(scores([sequence!])[0]!, 3);
    expect(scores([{ ids: sequence!.ids } as typeof none])).toEqual(scores([none]));
  });
});

test('loss and gradients of all parameters are those of eager tfjs', () => {
  const random = randomFor(5, 'bert');
  const feeds = { ...pack(sequences(random, 8)), teacher: randomTensor(random, 8) };
  const run = (how: typeof compiled) =>
    how<typeof feeds>(weights, feeds, (ops, inputs) =>
      hybridMse(ops, bertScores(ops, config, inputs), inputs.teacher, 0.3),
    );
  const expected = run(eager);
  expect(expected.gradients.size).toBe(weights.size);
  expectSame(run(compiled), expected);
});
