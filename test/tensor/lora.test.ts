// Checks (invariants of lora.ts, and of lora-merge.ts):
// 1. A fresh adapter changes no score, to the bit; A lies within 1 / sqrt(in), B is zero.
// 2. Scores and cross-entropy are those of the model with the adapter merged into its weights.
// 3. Gradients of A, B and the head are those of eager tfjs, and of finite differences.
// 4. The frozen base has no gradients: none is handed out, and none is computed on the way.
// All for modules alone, for some and for all of those that the model computes side by side.
import { describe, expect, test } from 'vitest';
import type { NamedTensor, Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { Graph, type Output } from '../../src/tensor/graph.ts';
import { GraphOps } from '../../src/tensor/graph-ops.ts';
import { llamaCrossEntropy, llamaParameters, llamaScores } from '../../src/tensor/llama.ts';
import { type Adapter, adapterOf } from '../../src/tensor/lora.ts';
import { mergeAdapter } from '../../src/tensor/lora-merge.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import {
  type FeedValue,
  type PackedBatch,
  pack,
  packCompletions,
  packedFeeds,
} from '../../src/tensor/packing.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { rankNet } from '../../src/trainer/losses.ts';
import { compile, computed, eager, expectSame, lively, tinyLlama } from '../support/tensor.ts';

const llama: LlamaConfig = { ...tinyLlama, attentionBias: true };
const specs = llamaParameters(llama);
const base = lively(specs, 1);
const all = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];
const some: readonly (readonly [string[]])[] = [
  [['q_proj', 'v_proj']],
  [['k_proj']],
  [['o_proj', 'up_proj']],
  [all],
];

const random = randomFor(3, 'lora');
const sequences = Array.from({ length: 6 }, () => ({
  ids: Int32Array.from({ length: 2 + random.below(14) }, () => random.below(llama.vocabulary)),
}));
const pairs = { ...pack(sequences), weights: { data: Float32Array.of(1, 2, 0.5), shape: [3] } };
const texts = packCompletions(sequences.map(({ ids }) => ({ ids, outputFrom: 1 })));

type Pairs = { readonly [K in keyof typeof pairs]: FeedValue };
const scoresOf = (weights: Tensors, adapter: Adapter | null): Float32Array =>
  computed(weights, pack(sequences), (ops, inputs) => llamaScores(ops, llama, inputs, adapter));
const lossOf =
  (adapter: Adapter | null) =>
  <T>(ops: Ops<T>, inputs: PackedBatch<T> & { readonly weights: T }): T =>
    rankNet(ops, llamaScores(ops, llama, inputs, adapter), inputs.weights);

const join = (...parts: Tensors[]): Tensors => new Map(parts.flatMap((part) => [...part]));
const rank = 3;

describe.each(some)('on %j', (targetModules) => {
  const adapter = adapterOf(specs, { rank, alpha: 5, targetModules });
  const trained = lively(adapter.parameters, 2);

  test('a fresh one changes nothing and starts as PEFT starts it', () => {
    const fresh = initialize(adapter.parameters, 7);
    expect(adapter.parameters).toHaveLength(2 * llama.layers * targetModules.length);
    for (const [name, { shape, data }] of fresh) {
      const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      if (name.endsWith('lora_B.weight')) expect([name, shape[1], largest]).toEqual([name, rank, 0]);
      else {
        expect([name, shape[0]]).toEqual([name, rank]);
        expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(shape[1]!));
        expect(largest).toBeGreaterThan(0.7 / Math.sqrt(shape[1]!));
      }
    }
    expect(scoresOf(join(base, fresh), adapter)).toEqual(scoresOf(base, null));
  });

  test('scores and cross-entropy are those of merged weights', () => {
    const both = join(base, trained);
    const merged = mergeAdapter(base, trained, adapter);
    const [plain, expected] = [scoresOf(base, null), scoresOf(merged, null)];
    const actual = scoresOf(both, adapter);
    actual.forEach((score, i) => {
      expect(score).toBeCloseTo(expected[i]!, 4);
    });
    expect(Math.max(...actual.map((score, i) => Math.abs(score - plain[i]!)))).toBeGreaterThan(0.01);
    const [loss, lossMerged] = [adapter, null].map((a) =>
      computed(a ? both : merged, texts, (ops, inputs) => llamaCrossEntropy(ops, llama, inputs, inputs, a)),
    );
    expect(loss![0]).toBeCloseTo(lossMerged![0]!, 4);
  });

  test('gradients are those of eager tfjs and of finite differences', () => {
    const both = join(base, trained);
    const f = compile<Pairs>(both, pairs, lossOf(adapter));
    const actual = f.run(both);
    expectSame(actual, eager<Pairs>(both, pairs, lossOf(adapter)));
    // Along a random direction in the adapter's weights.
    const direction = lively(adapter.parameters, 4);
    const moved = (by: number): Tensors =>
      join(
        both,
        new Map(
          [...trained].map(([name, { shape, data }]): [string, NamedTensor] => {
            const way = direction.get(name)!.data;
            return [name, { shape, data: data.map((x, i) => x + by * way[i]!) }];
          }),
        ),
      );
    const step = 2 ** -7;
    const slope = (f.run(moved(step)).loss - f.run(moved(-step)).loss) / (2 * step);
    const expected = [...direction].reduce((sum, [name, { data }]) => {
      const gradient = actual.gradients.get(name)!.data;
      return data.reduce((total, x, i) => total + x * gradient[i]!, sum);
    }, 0);
    f.dispose();
    expect(Math.abs(slope)).toBeGreaterThan(1e-3);
    expect(Math.abs(slope - expected)).toBeLessThan(0.02 * Math.abs(expected));
  });

  test('the frozen base gets no gradient, not even on the way', () => {
    const isTrained = (name: string) => trained.has(name) || name === 'score.weight';
    const everything = gradientsOf(adapter, () => true);
    const frozen = gradientsOf(adapter, isTrained);
    expect(frozen.names.toSorted()).toEqual([...trained.keys(), 'score.weight'].toSorted());
    expect(everything.names).toHaveLength(base.size + trained.size);
    // A weight's gradient is the only product with a transposed first factor outside of attention: one for A,
    // one for B of every product that is adapted, and the head's.
    const side = ['q_proj', 'k_proj', 'v_proj'];
    const own = targetModules.filter((name) => !side.includes(name)).length;
    const alone = targetModules.filter((name) => side.includes(name));
    // The last layer asks by q_proj of the last tokens alone: a product of its own.
    const shared = alone.length === 0 ? 0 : 1;
    const last = Number(alone.includes('q_proj')) + Number(alone.some((name) => name !== 'q_proj'));
    expect(frozen.weightGradients).toBe(2 * (own * llama.layers + shared * (llama.layers - 1) + last) + 1);
    expect(everything.weightGradients).toBeGreaterThan(frozen.weightGradients);
  });
});

/** Whose gradients there are, and how many nodes compute one of a linear weight. */
function gradientsOf(adapter: Adapter, trainable: (name: string) => boolean) {
  const products: string[] = [];
  class Watched extends Graph {
    override node(...args: Parameters<Graph['node']>): Output {
      const [op, , attributes] = args;
      if (op === 'MatMul' && 'bool' in attributes.transpose_a! && attributes.transpose_a.bool)
        products.push(args[3]);
      return super.node(...args);
    }
  }
  const graph = new Watched();
  const parameters = [...specs, ...adapter.parameters];
  const ops = new GraphOps(graph, { scope: 'f', parameters, trainable });
  const feed = (name: string, shape: readonly (string | number)[], type: 'float32' | 'int32') =>
    graph.placeholder(name, { shape, type });
  const batch = Object.fromEntries(
    Object.entries(packedFeeds('2b')).map(([name, { shape, type }]) => [name, feed(name, shape, type)]),
  ) as unknown as PackedBatch<Output>;
  const inputs = { ...batch, weights: feed('weights', ['b'], 'float32') };
  const gradients = ops.gradients(lossOf(adapter)(ops, inputs));
  return { names: [...gradients.keys()], weightGradients: products.length };
}
