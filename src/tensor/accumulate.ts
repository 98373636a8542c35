// A train step in parts, for batches whose intermediate results do not fit into memory at once: the gradients
// of micro-batches are added up, then applied.
//
// Invariants:
// 1. The result is that of one step on the whole batch, but for rounding: each micro-batch counts by its
//    share of what the loss is a mean over, and norm, clipping and update see the sum alone.
// 2. Sums are no part of a model's state: they start from zero in every step and mean nothing after it. Where
//    a loss or gradient is not finite its sum is not either, and the step is refused as a whole.
// 3. Functions of one graph share the sums of gradients: one step is taken at a time.
import { assert } from '../errors.ts';
import { accessOf, type FeedSpec, type Graph, type Output, type Variable } from './graph.ts';
import type { GraphOps } from './graph-ops.ts';
import { adamWFeeds, adamWStep } from './optimizer.ts';
import { begin, type TrainFunctionOptions } from './step.ts';

/** What part of the whole batch a micro-batch is, in (0, 1]; the shares of a step add up to 1. */
const shareFeed = { share: { type: 'float32', shape: [] } } as const satisfies Record<string, FeedSpec>;

/** The functions of a step in parts, in the order in which they run; `add` once per micro-batch. */
export const partsOf = (name: string): { begin: string; add: string; apply: string } => ({
  begin: `${name}/begin`,
  add: `${name}/add`,
  apply: `${name}/apply`,
});

/**
 * Adds the three functions of a step in parts. `add` is fed what `addTrainFunction` would be, and `share`;
 * `apply` is fed `adamWScalars` and hands out what `addTrainFunction` would. Errors as there, from `apply`.
 */
export function addTrainParts<F>(graph: Graph, options: TrainFunctionOptions<F>): void {
  const parts = partsOf(options.name);
  const sums = addAdding(graph, options, parts.add);
  const cleared = [...sums.gradients.values(), sums.loss].map(({ name }) => accessOf(name).clear);
  graph.addFunction({
    name: parts.begin,
    feeds: {},
    fetches: { ready: graph.after(graph.float(1), cleared, `${parts.begin}/ready`) },
  });
  addApplying(graph, options, parts.apply, sums);
}

interface Sums {
  readonly loss: Variable;
  /** By parameter. */
  readonly gradients: ReadonlyMap<string, Variable>;
}

function addAdding<F>(graph: Graph, options: TrainFunctionOptions<F>, name: string): Sums {
  const { ops, feeds, inputs } = begin(graph, {
    ...options,
    name,
    feeds: { ...options.feeds, ...shareFeed },
  });
  const loss = options.loss(ops, inputs);
  const found = ops.gradients(loss, inputs.share);
  const sums: Sums = {
    loss: sumOf(graph, 'loss', []),
    gradients: new Map([...found.keys()].map((p) => [p, sumOf(graph, p, ops.spec(p).shape)])),
  };
  const added = [...found].map(([parameter, { values, ids }]) => {
    assert(ids === null, `${parameter} is looked up: a gradient of rows cannot be added up in parts`);
    return addTo(ops, sums.gradients.get(parameter)!, values);
  });
  added.push(addTo(ops, sums.loss, ops.nodes.mul(loss, inputs.share)));
  graph.addFunction({ name, feeds, fetches: { loss: graph.after(loss, added, `${name}/loss`) } });
  return sums;
}

function addApplying<F>(graph: Graph, options: TrainFunctionOptions<F>, name: string, sums: Sums): void {
  const { ops, feeds, inputs } = begin(graph, { ...options, name, feeds: adamWFeeds });
  const gradients = new Map(
    [...sums.gradients].map(([parameter, sum]) => [parameter, { values: ops.nodes.read(sum), ids: null }]),
  );
  const loss = ops.nodes.read(sums.loss);
  const fetches = adamWStep(ops, options.name, loss, options.optimizer, inputs, gradients);
  graph.addFunction({ name, feeds, fetches });
}

const sumOf = (graph: Graph, of: string, shape: readonly number[]): Variable =>
  graph.variable(`sum/${of}`, shape, { startsAtZero: true });

const addTo = ({ nodes }: GraphOps, { handle }: Variable, value: Output): Output =>
  nodes.effect('AssignAddVariableOp', [handle, value], { dtype: { type: 'float32' } });
