// Runs one loss in both ways: compiled with the hand-written gradients, and eagerly with those of tfjs.
import type { Tensors } from '../../src/contract.ts';
import type { Random } from '../../src/random.ts';
import type { Backend } from '../../src/tensor/backend.tf.ts';
import { type Differentiated, type EagerOps, eagerGradients } from '../../src/tensor/eager-ops.tf.ts';
import { type FeedSpec, Graph, type Output } from '../../src/tensor/graph.ts';
import { dataTypeOf } from '../../src/tensor/graph-def.ts';
import type { GraphOps } from '../../src/tensor/graph-ops.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import type { FeedValue } from '../../src/tensor/packing.ts';
import { elements, type ParameterSpec } from '../../src/tensor/parameters.ts';
import { openSession } from '../../src/tensor/session.tf.ts';
import { addFunction } from '../../src/tensor/step.ts';

export type Feeds = Readonly<Record<string, FeedValue>>;
/** A scalar computed from parameters and feeds, with either kind of ops. */
export type Loss = <T>(ops: Ops<T>, inputs: Readonly<Record<string, T>>) => T;

/** Specs that fit given values; how they start does not matter. */
export const specsOf = (parameters: Tensors): ParameterSpec[] =>
  [...parameters].map(([name, { shape }]) => ({ name, shape, init: 'zeros', decay: true }));

/** Feeds of unknown sizes that take given values. */
export const feedSpecsOf = (feeds: Feeds): Record<string, FeedSpec> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      { type: dataTypeOf(data), shape: shape.map((_, axis) => `${name}_${axis}`) },
    ]),
  );

export function compiled(backend: Backend, parameters: Tensors, feeds: Feeds, loss: Loss): Differentiated {
  const graph = new Graph();
  addFunction(graph, {
    name: 'f',
    parameters: specsOf(parameters),
    feeds: feedSpecsOf(feeds),
    outputs: (ops: GraphOps, inputs: Readonly<Record<string, Output>>) => {
      const value = loss(ops, inputs);
      const gradients = [...ops.gradients(value)].map(([name, output]) => [`d ${name}`, output] as const);
      return { value, ...Object.fromEntries(gradients) };
    },
  });
  const session = openSession(backend, graph);
  try {
    session.set(parameters);
    const { value, ...gradients } = session.run('f', feeds);
    return {
      loss: value![0]!,
      gradients: new Map(
        Object.entries(gradients).map(([name, data]) => [
          name.slice(2),
          { shape: parameters.get(name.slice(2))!.shape, data },
        ]),
      ),
    };
  } finally {
    session.dispose();
  }
}

export const eager = (backend: Backend, parameters: Tensors, feeds: Feeds, loss: Loss): Differentiated =>
  eagerGradients(backend, parameters, feeds, (ops: EagerOps, inputs) => loss(ops, inputs));

/** Largest difference, relative to the largest number of the second. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const all = Array.from(expected);
  const size = all.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  const off = all.reduce((largest, x, i) => Math.max(largest, Math.abs(x - actual[i]!)), 0);
  if (actual.length !== all.length) return Number.POSITIVE_INFINITY;
  return off === 0 ? 0 : off / size;
}

export function randomTensor(
  random: Random,
  shape: readonly number[],
  scale = 1,
): { data: Float32Array; shape: readonly number[] } {
  return { shape, data: Float32Array.from({ length: elements(shape) }, () => scale * random.normal()) };
}
