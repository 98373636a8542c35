// Checks:
// 1. Hidden states, scores and cross-entropy are those of a plain Llama that works one sequence at a time.
// 2. The compiled losses and the gradients of all parameters are those of eager tfjs.
// 3. A score does not depend on the batch its sequence is in; a hidden state not on later tokens.
// 4. Grouped-query attention, biases, tied and untied output matrices: all of it, in two configs.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Random, randomFor } from '../../src/random.ts';
import { llamaCrossEntropy, llamaHidden, llamaParameters, llamaScores } from '../../src/tensor/llama.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import { pack, packCompletions } from '../../src/tensor/packing.ts';
import { rankNet } from '../../src/trainer/losses.ts';
import { plainLlamaCrossEntropy, plainLlamaHidden, plainLlamaScore } from '../support/plain-models.ts';
import { compiled, computed, eager, expectSame, lively, tinyLlama } from '../support/tensor.ts';

const llama = tinyLlama;
const qwen: LlamaConfig = {
  ...llama,
  heads: 3,
  keyValueHeads: 3,
  headSize: 4,
  tied: false,
  attentionBias: true,
};

const sequences = (random: Random, n: number) =>
  Array.from({ length: n }, () => ({
    ids: Int32Array.from({ length: 1 + random.below(llama.positions) }, () => random.below(llama.vocabulary)),
  }));

const completions = (random: Random, n: number) =>
  Array.from({ length: n }, () => {
    const length = 2 + random.below(llama.positions - 1);
    const ids = Int32Array.from({ length }, () => random.below(llama.vocabulary));
    return { ids, outputFrom: 1 + random.below(length - 1) };
  });

describe.each([
  ['Llama: shared keys, tied', llama],
  ['Qwen2: biases, untied', qwen],
])('%s', (_, config) => {
  const weights = lively(llamaParameters(config), 1);
  const scores = (batch: ReturnType<typeof sequences>): number[] => [
    ...computed(weights, pack(batch), (ops, inputs) => llamaScores(ops, config, inputs)),
  ];

  test('scores are those of a plain Llama', () => {
    const batch = sequences(randomFor(1, 'llama'), 12);
    const expected = batch.map(({ ids }) => plainLlamaScore(config, weights, ids));
    scores(batch).forEach((score, i) => {
      expect(score).toBeCloseTo(expected[i]!, 4);
    });
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
  });

  test('hidden states are those of a plain Llama', () => {
    const batch = sequences(randomFor(2, 'llama'), 3);
    const expected = batch.flatMap(({ ids }) => plainLlamaHidden(config, weights, ids)).flat();
    const actual = computed(weights, pack(batch), (ops, inputs) => llamaHidden(ops, config, inputs));
    expect(actual).toHaveLength(expected.length);
    actual.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i]!, 4);
    });
  });

  test('cross-entropy is that of a plain Llama, over output tokens alone', () => {
    const batch = completions(randomFor(3, 'llama'), 6);
    const [loss] = computed(weights, packCompletions(batch), (ops, inputs) =>
      llamaCrossEntropy(ops, config, inputs, inputs),
    );
    expect(loss).toBeCloseTo(plainLlamaCrossEntropy(config, weights, batch), 4);
  });

  test('scores do not depend on padding or on the order of the batch', () => {
    const batch = sequences(randomFor(4, 'llama'), 5);
    const alone = batch.map((sequence) => scores([sequence])[0]!);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 }), (order) => {
        scores(order.map((i) => batch[i]!)).forEach((score, i) => {
          expect(score).toBeCloseTo(alone[order[i]!]!, 5);
        });
      }),
      { numRuns: 6 },
    );
  });

  test('rank loss and cross-entropy: gradients of all parameters are those of eager tfjs', () => {
    const random = randomFor(5, 'llama');
    const pairs = {
      ...pack(sequences(random, 6)),
      weights: { data: Float32Array.of(1, 2, 0.5), shape: [3] },
    };
    const rank = (how: typeof compiled) =>
      how<typeof pairs>(weights, pairs, (ops, inputs) =>
        rankNet(ops, llamaScores(ops, config, inputs), inputs.weights),
      );
    const rankExpected = rank(eager);
    expectSame(rank(compiled), rankExpected);

    const texts = packCompletions(completions(random, 5));
    const cross = (how: typeof compiled) =>
      how<typeof texts>(weights, texts, (ops, inputs) => llamaCrossEntropy(ops, config, inputs, inputs));
    const crossExpected = cross(eager);
    expectSame(cross(compiled), crossExpected);

    // Between them the two losses reach every parameter; the head of the other one gets no gradient.
    const reached = new Set([...rankExpected.gradients.keys(), ...crossExpected.gradients.keys()]);
    expect(reached.size).toBe(weights.size);
    expect(crossExpected.gradients.has('score.weight')).toBe(false);
  });
});

test('a hidden state does not depend on later tokens', () => {
  const weights = lively(llamaParameters(llama), 6);
  const hidden = (...ids: number[]) =>
    computed(weights, pack([{ ids: Int32Array.from(ids) }]), (ops, inputs) =>
      llamaHidden(ops, llama, inputs),
    );
  const [one, other] = [hidden(3, 1, 4, 1, 5), hidden(3, 1, 4, 9, 2)];
  expect(one.slice(0, 3 * llama.hidden)).toEqual(other.slice(0, 3 * llama.hidden));
  expect(one.slice(3 * llama.hidden)).not.toEqual(other.slice(3 * llama.hidden));
});
