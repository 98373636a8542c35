// The two kinds of functions that a model's graph has: those that compute, and those that take a step.
import type { Feed, FeedSpec, Graph, Output } from './graph.ts';
import { GraphOps } from './graph-ops.ts';
import { type AdamW, adamWFeeds, adamWStep } from './optimizer.ts';
import type { ParameterSpec } from './parameters.ts';

type Inputs<F> = { readonly [K in keyof F]: Output };

interface FunctionOptions<F> {
  /** Unique in the graph. */
  readonly name: string;
  /** All parameters of the model, used by this function or not. */
  readonly parameters: readonly ParameterSpec[];
  /** What each run is given, by name. */
  readonly feeds: F & { readonly [K in keyof F]: FeedSpec };
}

/** Adds a function that computes `outputs` and changes nothing. */
export function addFunction<F>(
  graph: Graph,
  options: FunctionOptions<F> & {
    readonly outputs: (ops: GraphOps, inputs: Inputs<F>) => Readonly<Record<string, Output>>;
  },
): void {
  const { ops, feeds, inputs } = begin(graph, options);
  graph.addFunction({ name: options.name, feeds, fetches: options.outputs(ops, inputs) });
}

export interface TrainFunctionOptions<F> extends FunctionOptions<F> {
  /** Which parameters may change; all by default. */
  readonly trainable?: (name: string) => boolean;
  /** Whether segments of the model are computed twice, to hold less: see graph-recompute.ts. */
  readonly recompute?: boolean;
  readonly optimizer: AdamW;
  /** -> scalar. */
  readonly loss: (ops: GraphOps, inputs: Inputs<F>) => Output;
}

/**
 * Adds a function that takes one AdamW step on a loss. It is fed `adamWScalars` besides its own feeds and
 * hands out `loss` and `gradientNorm`. When one of them is not finite, nothing changes: NON_FINITE.
 */
export function addTrainFunction<F>(graph: Graph, options: TrainFunctionOptions<F>): void {
  const { name, optimizer } = options;
  const withScalars = { ...options, feeds: { ...options.feeds, ...adamWFeeds } };
  const { ops, feeds, inputs } = begin(graph, withScalars);
  const fetches = adamWStep(ops, name, options.loss(ops, inputs), optimizer, inputs);
  graph.addFunction({ name, feeds, fetches });
}

/** Variables, placeholders and ops of a function. */
export function begin<F>(
  graph: Graph,
  options: FunctionOptions<F> & Pick<TrainFunctionOptions<F>, 'trainable' | 'recompute'>,
): { ops: GraphOps; feeds: Record<string, Feed>; inputs: Inputs<F> } {
  const { name, parameters, feeds: specs, trainable = () => true, recompute = false } = options;
  for (const spec of parameters) graph.variable(spec.name, spec.shape, { startsAtZero: false });
  const feeds = Object.fromEntries(
    Object.entries<FeedSpec>(specs).map(([feed, spec]) => [
      feed,
      { ...spec, node: graph.placeholder(`${name}/feed/${feed}`, spec) },
    ]),
  );
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([feed, { node }]) => [feed, node]),
  ) as Inputs<F>;
  const ops = new GraphOps(graph, { scope: name, parameters, trainable, recompute });
  return { ops, feeds, inputs };
}
