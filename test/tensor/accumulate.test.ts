// Checks (invariants of accumulate.ts):
// 1. A step in parts is the step on the whole batch: loss, norm, weights and moments within 1e-6, also when
//    micro-batches differ in size and weight, over several steps, with clipping at work.
// 2. The same parts twice give the same bits.
// 3. A micro-batch that is not finite changes nothing, to the bit, nor does it change the steps after it.
import { afterEach, describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { addTrainParts, partsOf } from '../../src/tensor/accumulate.ts';
import { Graph } from '../../src/tensor/graph.ts';
import { llamaParameters, llamaScores } from '../../src/tensor/llama.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import { adamDefaults, adamWScalars } from '../../src/tensor/optimizer.ts';
import { pack, packedFeeds } from '../../src/tensor/packing.ts';
import { openSession, type Session } from '../../src/tensor/session.tf.ts';
import { addTrainFunction } from '../../src/tensor/step.ts';
import { rankNet } from '../../src/trainer/losses.ts';
import { backend, lively } from '../support/tensor.ts';

const llama: LlamaConfig = {
  vocabulary: 30,
  layers: 2,
  hidden: 8,
  heads: 2,
  keyValueHeads: 1,
  headSize: 4,
  intermediate: 12,
  positions: 12,
  ropeTheta: 10_000,
  ropeScaling: null,
  epsilon: 1e-5,
  tied: true,
  attentionBias: false,
};
const parameters = llamaParameters(llama);
const weights = lively(parameters, 1);
const optimizer = { ...adamDefaults, weightDecay: 0.1, clipNorm: 0.05 };
const parts = partsOf('train');

const sessions: Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.dispose();
});

function open(add: typeof addTrainFunction): Session {
  const graph = new Graph();
  add(graph, {
    name: 'train',
    parameters,
    feeds: { ...packedFeeds('2b'), weights: { type: 'float32', shape: ['b'] } as const },
    optimizer,
    loss: (ops, batch) => rankNet(ops, llamaScores(ops, llama, batch), batch.weights),
  });
  const session = openSession(backend, graph);
  sessions.push(session);
  session.set(weights, [...weights.keys()]);
  return session;
}

interface Preference {
  readonly better: Int32Array;
  readonly worse: Int32Array;
  readonly weight: number;
}

function preferences(step: number): Preference[] {
  const random = randomFor(step, 'accumulate');
  const tokens = () =>
    Int32Array.from({ length: 1 + random.below(llama.positions) }, () => random.below(llama.vocabulary));
  return Array.from({ length: 7 }, (_, i) => ({ better: tokens(), worse: tokens(), weight: 0.1 + i }));
}

const feedsOf = (batch: readonly Preference[]) => ({
  ...pack([...batch.map((p) => p.better), ...batch.map((p) => p.worse)].map((ids) => ({ ids }))),
  weights: { data: Float32Array.from(batch, (p) => p.weight), shape: [batch.length] },
});
const total = (batch: readonly Preference[]): number => batch.reduce((sum, p) => sum + p.weight, 0);
const at = (step: number) => adamWScalars(optimizer, { step, learningRate: 0.01 });

/** Micro-batches of 1, 4 and 2. */
const cut = (batch: readonly Preference[]) => [batch.slice(0, 1), batch.slice(1, 5), batch.slice(5)];

function stepInParts(session: Session, step: number, spoil = 1): Record<string, Float32Array> {
  const batch = preferences(step);
  session.run(parts.begin, {});
  for (const micro of cut(batch)) {
    const share = { data: Float32Array.of((total(micro) / total(batch)) * spoil), shape: [] };
    session.run(parts.add, { ...feedsOf(micro), share });
  }
  return session.run(parts.apply, { ...at(step) });
}

/** Weights and moments; sums are none of either. */
const stateOf = (session: Session): Tensors =>
  new Map([...session.get()].filter(([name]) => !name.startsWith('sum/')));
const bits = (tensors: Tensors) =>
  [...tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('base64')]);

describe('a step in parts', () => {
  test('is the step on the whole batch', () => {
    const [whole, inParts] = [open(addTrainFunction), open(addTrainParts)];
    for (const step of [1, 2, 3]) {
      const expected = whole.run('train', { ...feedsOf(preferences(step)), ...at(step) });
      const actual = stepInParts(inParts, step);
      expect(expected.gradientNorm![0]).toBeGreaterThan(optimizer.clipNorm);
      for (const figure of ['loss', 'gradientNorm'])
        expect(Math.abs(actual[figure]![0]! / expected[figure]![0]! - 1)).toBeLessThan(1e-6);
    }
    const expected = stateOf(whole);
    const actual = stateOf(inParts);
    expect([...actual.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
    for (const [name, { data }] of expected) {
      const off = data.reduce((most, x, i) => Math.max(most, Math.abs(x - actual.get(name)!.data[i]!)), 0);
      expect([name, off < 1e-6]).toEqual([name, true]);
    }
    expect(bits(actual)).not.toEqual(bits(new Map([...weights, ...new Map()])));
  });

  test('gives the same bits each time', () => {
    const [one, other] = [open(addTrainParts), open(addTrainParts)];
    for (const step of [1, 2]) {
      stepInParts(one, step);
      stepInParts(other, step);
    }
    expect(bits(stateOf(one))).toEqual(bits(stateOf(other)));
  });

  test('that is not finite changes nothing, nor what follows', () => {
    const [session, untouched] = [open(addTrainParts), open(addTrainParts)];
    stepInParts(session, 1);
    stepInParts(untouched, 1);
    const before = bits(stateOf(session));
    for (const spoil of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => stepInParts(session, 2, spoil)).toThrow(/not a finite number; nothing was changed/);
    expect(bits(stateOf(session))).toEqual(before);
    stepInParts(session, 2);
    stepInParts(untouched, 2);
    expect(bits(stateOf(session))).toEqual(bits(stateOf(untouched)));
  });
});
