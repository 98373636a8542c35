// Runs one loss in both ways: compiled with the hand-written gradients, and eagerly with those of tfjs.

import { expect } from 'vitest';
import type { NamedTensor, Tensors } from '../../src/contract.ts';
import { type Random, randomFor } from '../../src/random.ts';
import { type Backend, startBackend } from '../../src/tensor/backend.tf.ts';
import { type Differentiated, type EagerOps, eagerGradients } from '../../src/tensor/eager-ops.tf.ts';
import { type FeedSpec, Graph, type Output } from '../../src/tensor/graph.ts';
import { dataTypeOf } from '../../src/tensor/graph-def.ts';
import type { GraphOps } from '../../src/tensor/graph-ops.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import type { FeedValue } from '../../src/tensor/packing.ts';
import { elements, type ParameterSpec } from '../../src/tensor/parameters.ts';
import { openSession } from '../../src/tensor/session.tf.ts';
import { addFunction } from '../../src/tensor/step.ts';

export const backend: Backend = await startBackend({ threads: 2, oneDnn: true });

export type Feeds<F> = F & { readonly [K in keyof F]: FeedValue };

/** A scalar computed from parameters and feeds, with either kind of ops. */
export type Loss<F> = <T>(ops: Ops<T>, inputs: { readonly [K in keyof F]: T }) => T;

/** Specs that fit given values; how they start does not matter. */
export const specsOf = (parameters: Tensors): ParameterSpec[] =>
  [...parameters].map(([name, { shape }]) => ({ name, shape, init: 'zeros', decay: true }));

export type Specs<F> = { readonly [K in keyof F]: FeedSpec };

/** Feeds of unknown sizes that take given values. */
export function feedSpecsOf<F>(feeds: Feeds<F>): Specs<F> {
  const specs = Object.entries<FeedValue>(feeds).map(([name, { data, shape }]) => {
    const spec: FeedSpec = { type: dataTypeOf(data), shape: shape.map((_, axis) => `${name}_${axis}`) };
    return [name, spec];
  });
  return Object.fromEntries(specs);
}

export interface Compiled {
  run(parameters: Tensors): Differentiated;
  dispose(): void;
}

/** A function for parameters and feeds of the shapes given, fed with `feeds` at every run. */
export function compile<F>(parameters: Tensors, feeds: Feeds<F>, loss: Loss<F>): Compiled {
  const graph = new Graph();
  addFunction<Specs<F>>(graph, {
    name: 'f',
    parameters: specsOf(parameters),
    feeds: feedSpecsOf<F>(feeds),
    outputs: (ops, inputs) => {
      const value = loss(ops, inputs);
      return { value, ...wholeGradients(ops, value) };
    },
  });
  const session = openSession(backend, graph);
  return {
    run(values) {
      session.set(values);
      const { value, ...gradients } = session.run('f', feeds);
      const named = Object.entries(gradients).map(
        ([name, data]) => [name, { shape: parameters.get(name)!.shape, data }] as const,
      );
      return { loss: value![0]!, gradients: new Map(named) };
    },
    dispose: () => session.dispose(),
  };
}

/** Gradients by parameter, each of its parameter's shape: rows that were not looked up have 0. */
export function wholeGradients(ops: GraphOps, loss: Output): Record<string, Output> {
  const entries = [...ops.gradients(loss)].map(([name, { values, ids }]) => {
    const rows = ops.spec(name).shape[0]!;
    return [name, ids === null ? values : ops.nodes.sumById(values, ids, rows)] as const;
  });
  return Object.fromEntries(entries);
}

export function compiled<F>(parameters: Tensors, feeds: Feeds<F>, loss: Loss<F>): Differentiated {
  const f = compile<F>(parameters, feeds, loss);
  try {
    return f.run(parameters);
  } finally {
    f.dispose();
  }
}

export const eager = <F>(parameters: Tensors, feeds: Feeds<F>, loss: Loss<F>): Differentiated =>
  eagerGradients<F>(backend, parameters, feeds, (ops: EagerOps, inputs) => loss(ops, inputs));

/** Normally distributed. */
export const randomTensor = (random: Random, ...shape: number[]): NamedTensor => ({
  shape,
  data: Float32Array.from({ length: elements(shape) }, () => random.normal()),
});

/** One tensor computed by a compiled function, row-major. */
export function computed<F>(
  parameters: Tensors,
  feeds: Feeds<F>,
  output: (ops: Ops<Output>, inputs: { readonly [K in keyof F]: Output }) => Output,
): Float32Array {
  const graph = new Graph();
  addFunction<Specs<F>>(graph, {
    name: 'f',
    parameters: specsOf(parameters),
    feeds: feedSpecsOf<F>(feeds),
    outputs: (ops, inputs) => ({ y: output(ops, inputs) }),
  });
  const session = openSession(backend, graph);
  try {
    session.set(parameters);
    return session.run('f', feeds).y!;
  } finally {
    session.dispose();
  }
}

/** Weights to test a model with: larger than those it starts from, and no bias is 0, no norm 1. */
export function lively(specs: readonly ParameterSpec[], seed: number): Tensors {
  return new Map(
    specs.map(({ name, shape, decay }) => {
      const random = randomFor(seed, 'lively', name);
      const centre = /norm.*weight$/i.test(name) ? 1 : 0;
      const data = Float32Array.from(
        { length: elements(shape) },
        () => centre + (decay ? 0.25 : 0.1) * random.normal(),
      );
      return [name, { shape, data }];
    }),
  );
}

/**
 * Whether loss and gradients agree: each gradient within 1e-4 of its largest number, or of a thousandth of
 * the largest of all. (A key's bias shifts all scores of a query alike: its gradient is 0 but for rounding.)
 */
export function expectSame(actual: Differentiated, expected: Differentiated): void {
  const largest = (data: Float32Array) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const floor = 1e-3 * Math.max(...[...expected.gradients.values()].map(({ data }) => largest(data)));
  expect(Math.abs(actual.loss - expected.loss)).toBeLessThan(1e-4 * Math.abs(expected.loss));
  expect([...actual.gradients.keys()].sort()).toEqual([...expected.gradients.keys()].sort());
  for (const [name, { data }] of expected.gradients) {
    const got = actual.gradients.get(name)!.data;
    const off = data.reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
    expect([name, off / Math.max(floor, largest(data)) < 1e-4]).toEqual([name, true]);
  }
}

/** A decoder that is checked number by number. */
export const tinyLlama: LlamaConfig = {
  vocabulary: 40,
  layers: 2,
  hidden: 12,
  heads: 4,
  keyValueHeads: 2,
  headSize: 6,
  intermediate: 20,
  positions: 16,
  ropeTheta: 10_000,
  ropeScaling: null,
  epsilon: 1e-5,
  tied: true,
  attentionBias: false,
};
