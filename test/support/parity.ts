// Golden figures made by test/golden/make_parity.py, and what our compiled models say to the same.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { bertScores } from '../../src/tensor/bert.ts';
import { Graph, type Output } from '../../src/tensor/graph.ts';
import type { GraphOps } from '../../src/tensor/graph-ops.ts';
import { llamaScores } from '../../src/tensor/llama.ts';
import type { BertConfig, LlamaConfig } from '../../src/tensor/model-config.ts';
import { type FeedValue, pack } from '../../src/tensor/packing.ts';
import { openSession } from '../../src/tensor/session.tf.ts';
import { addFunction } from '../../src/tensor/step.ts';
import { hybridMse, rankNet } from '../../src/trainer/losses.ts';
import { goldenPath } from './golden.ts';
import { backend, type Feeds, feedSpecsOf, type Specs, specsOf, wholeGradients } from './tensor.ts';

/** A loss with the gradients of some parameters, flat. */
export interface GoldenLoss {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, number[]>>;
}

interface GoldenTokens {
  readonly sequences: number[][];
  readonly tokenized?: readonly { readonly text: string; readonly ids: number[] }[];
  /** Of real models: query and document of each sequence, and the parameters that the directory lacks. */
  readonly pairs?: readonly (readonly [query: string, document: string])[];
  readonly fresh?: readonly string[];
}

export interface GoldenBert extends GoldenTokens {
  readonly segments: number[][];
  readonly scores: number[];
  readonly teacher: number[];
  readonly pointWeight: number;
  readonly hybridMse: GoldenLoss;
}

export interface GoldenLlama extends GoldenTokens {
  /** Where the output begins in each sequence. */
  readonly outputFrom: number[];
  readonly lastHidden: number[][];
  readonly lastLogits: number[][];
  /** Of real models: the five largest logits. */
  readonly topLogits: readonly { readonly ids: number[]; readonly logits: number[] }[];
  readonly crossEntropy: GoldenLoss;
  readonly scoreWeight: number[];
  readonly scores: number[];
  /** Of the preferences: the first half of the sequences over the second. */
  readonly weights: number[];
  readonly rankNet: GoldenLoss;
}

export const readGolden = <T>(path: string): T => JSON.parse(readFileSync(goldenPath(path), 'utf8')) as T;

export const tokenSequences = (golden: GoldenTokens & { readonly segments?: number[][] }) =>
  golden.sequences.map((ids, i) => ({
    ids: Int32Array.from(ids),
    ...(golden.segments && { segments: Int32Array.from(golden.segments[i]!) }),
  }));

export const floats = (values: readonly number[], ...shape: number[]): FeedValue => ({
  data: Float32Array.from(values),
  shape,
});

/**
 * Runs one compiled function: `outputs` by name, and with a `loss` among them also its gradients with regard
 * to the parameters named, as `gradient/NAME`. Others are not computed.
 */
export function evaluate<F>(
  weights: Tensors,
  feeds: Feeds<F>,
  gradients: readonly string[],
  outputs: (ops: GraphOps, inputs: { readonly [K in keyof F]: Output }) => Readonly<Record<string, Output>>,
): Readonly<Record<string, Float32Array>> {
  const graph = new Graph();
  addFunction<Specs<F>>(graph, {
    name: 'f',
    parameters: specsOf(weights),
    feeds: feedSpecsOf<F>(feeds),
    outputs: (ops, inputs) => {
      const fetches = outputs(ops, inputs);
      if (fetches.loss === undefined) return fetches;
      const found = wholeGradients(ops, fetches.loss);
      const named = gradients.map((name) => [`gradient/${name}`, found[name]!] as const);
      return { ...fetches, ...Object.fromEntries(named) };
    },
  });
  const session = openSession(backend, graph);
  try {
    session.set(weights);
    return session.run('f', feeds);
  } finally {
    session.dispose();
  }
}

/** Each number within 1e-4 of the expected one; where all are small, within 1e-4 of the largest. */
export function expectClose(
  what: string,
  actual: Float32Array | undefined,
  expected: readonly number[],
): void {
  expectWithin(what, actual, expected, 1e-4 * Math.min(1, largest(expected)));
}

/** The loss, and each gradient within 1e-4 of its largest number: some are in the hundreds. */
export function expectLoss(
  actual: Readonly<Record<string, Float32Array>>,
  { loss, gradients }: GoldenLoss,
): void {
  expectClose('loss', actual.loss, [loss]);
  expect(Object.keys(gradients).length).toBeGreaterThan(0);
  for (const [name, expected] of Object.entries(gradients))
    expectWithin(name, actual[`gradient/${name}`], expected, 1e-4 * largest(expected));
}

/** BERT's scores, the hybrid loss and its gradients. */
export function expectHybridMse(
  config: BertConfig,
  weights: Tensors,
  sequences: Parameters<typeof pack>[0],
  golden: GoldenBert,
): void {
  const feeds = { ...pack(sequences), teacher: floats(golden.teacher, golden.teacher.length) };
  const names = Object.keys(golden.hybridMse.gradients);
  const actual = evaluate<typeof feeds>(weights, feeds, names, (ops, inputs) => {
    const scores = bertScores(ops, config, inputs);
    return { scores, loss: hybridMse(ops, scores, inputs.teacher, golden.pointWeight) };
  });
  expectClose('scores', actual.scores, golden.scores);
  expectLoss(actual, golden.hybridMse);
}

/** The decoder's scores, RankNet and its gradients. */
export function expectRankNet(
  config: LlamaConfig,
  weights: Tensors,
  sequences: Parameters<typeof pack>[0],
  golden: GoldenLlama,
): void {
  const feeds = { ...pack(sequences), weights: floats(golden.weights, golden.weights.length) };
  const names = Object.keys(golden.rankNet.gradients);
  const actual = evaluate<typeof feeds>(weights, feeds, names, (ops, inputs) => {
    const scores = llamaScores(ops, config, inputs);
    return { scores, loss: rankNet(ops, scores, inputs.weights) };
  });
  expectClose('scores', actual.scores, golden.scores);
  expectLoss(actual, golden.rankNet);
}

function expectWithin(
  what: string,
  actual: Float32Array | undefined,
  expected: readonly number[],
  tolerance: number,
): void {
  expect([what, actual?.length]).toEqual([what, expected.length]);
  const off = largest(expected.map((x, i) => x - actual![i]!));
  expect([what, off < tolerance ? 'close' : `${off} off`]).toEqual([what, 'close']);
}

const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
