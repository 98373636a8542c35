// AdamW in the graph: Loshchilov and Hutter 2017, arXiv 1711.05101, as torch.optim.AdamW computes it.
//
// Invariants:
// 1. All variables change or none: every update waits until loss and gradient norm are known to be finite.
// 2. An update waits for everything that reads its variable, so it works in place.
// 3. Each train function has moments of its own, `opt/<function>/<parameter>/m` and `/v`: the teacher is
//    trained by two losses, and the curvature of the one says nothing about the other.
// 4. Of a table whose rows are looked up (`Ops.embedding`) a step touches the rows looked up, and no others.
//
// Invariant 4 makes it a lazy AdamW, as TensorFlow Addons' LazyAdam and torch.optim.SparseAdam are. A row
// that a batch does not name keeps weights and moments as they are, where torch.optim.AdamW would shrink it,
// let its moments fade and move it on by what is left of them. What follows: rare words keep their
// pre-trained vectors instead of decaying towards zero; after a word's only occurrence it moves once, by up
// to 3.2 learning rates, not on for some tens of steps, by ten times as much; the moments of a word average
// over its occurrences, not over steps. The gradient's norm is exact: rows are added up before it is taken.
// Exactness in AdamW's sense would need all 30,522 rows of a BERT vocabulary in each step, of which a batch
// names a few hundred.
import type { FeedSpec, Output, Variable } from './graph.ts';
import type { Gradient, GraphOps } from './graph-ops.ts';
import type { FeedValue } from './packing.ts';

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Per step each parameter with `decay` shrinks by learningRate * weightDecay of itself. */
  readonly weightDecay: number;
  /** Upper bound on the global norm of the gradient. */
  readonly clipNorm: number;
}

export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** What a step is given as scalars, see `adamWScalars`. */
export interface AdamWScalars<T> {
  readonly rate: T;
  readonly epsilon: T;
  readonly keep: T;
}

const scalar: FeedSpec = { type: 'float32', shape: [] };
export const adamWFeeds: AdamWScalars<FeedSpec> = { rate: scalar, epsilon: scalar, keep: scalar };

const momentPrefix = 'opt/';

/** Whether a variable of this name belongs to an optimizer's state. */
export const isMoment = (variable: string): boolean => variable.startsWith(momentPrefix);

/** In the message of a run that failed because a loss or gradient was not finite: see session.tf.ts. */
export const nonFiniteMark = 'restill-non-finite';

/**
 * The scalars of a step. The bias corrections 1 / (1 - beta^step) are folded into rate and epsilon:
 *   rate * m / (sqrt(v) + epsilon) = learningRate * m' / (sqrt(v') + settings.epsilon)
 * with m' = m / (1 - beta1^step) and v' = v / (1 - beta2^step).
 *
 * @param at `step` counts from 1; `learningRate` is this step's, warm-up included.
 */
export function adamWScalars(
  settings: AdamW,
  { step, learningRate }: { step: number; learningRate: number },
): AdamWScalars<FeedValue> {
  // The op's betas are float32, where 1 - 0.999 is off by 1e-5: the correction is made of the same numbers.
  const [beta1, beta2] = [Math.fround(settings.beta1), Math.fround(settings.beta2)];
  const correction = Math.sqrt(1 - beta2 ** step);
  const feed = (value: number): FeedValue => ({ data: Float32Array.of(value), shape: [] });
  return {
    rate: feed((learningRate * correction) / (1 - beta1 ** step)),
    epsilon: feed(settings.epsilon * correction),
    keep: feed(1 - learningRate * settings.weightDecay),
  };
}

/**
 * One step on a scalar loss: gradient, check, clip, update.
 *
 * @param name of the train function; part of the names of the moments.
 * @param gradients by parameter; those of the loss, unless they come from elsewhere.
 * @returns the loss and the gradient's global norm before clipping, both computed before and handed out after
 *   the update. When one of them is not finite, nothing changes and the run fails with `nonFiniteMark`.
 */
export function adamWStep(
  ops: GraphOps,
  name: string,
  loss: Output,
  settings: AdamW,
  scalars: AdamWScalars<Output>,
  gradients: ReadonlyMap<string, Gradient> = ops.gradients(loss),
): { loss: Output; gradientNorm: Output } {
  const { nodes, graph } = ops;

  const norm = nodes.finite(
    globalNorm(
      ops,
      [...gradients.values()].map(({ values }) => values),
    ),
    `${nonFiniteMark}: the gradient's norm`,
  );
  const finite = [nodes.finite(loss, `${nonFiniteMark}: the loss`), norm];

  const scale = nodes.min(graph.float(1), nodes.div(graph.float(settings.clipNorm), norm));

  const updates = [...gradients].map(([parameter, { values, ids }]) => {
    const gradient = { values: nodes.mul(values, scale), ids };
    return update(ops, { name, parameter, gradient, finite, settings, scalars });
  });
  return {
    loss: graph.after(loss, updates, `${name}/loss`),
    gradientNorm: graph.after(norm, updates, `${name}/gradientNorm`),
  };
}

/** sqrt of the sum of the squares of all numbers in all gradients. */
function globalNorm({ nodes }: GraphOps, gradients: readonly Output[]): Output {
  const halves = gradients.map((gradient) => nodes.op('L2Loss', [gradient])); // sum of squares / 2
  return nodes.op('Sqrt', [nodes.mul(nodes.addN(halves), 2)]);
}

interface Update {
  readonly name: string;
  readonly parameter: string;
  /** Clipped. */
  readonly gradient: Gradient;
  /** What must have been found finite before anything changes. */
  readonly finite: readonly Output[];
  readonly settings: AdamW;
  readonly scalars: AdamWScalars<Output>;
}

/** Adds the update of one parameter. Returns its last operation. */
function update(ops: GraphOps, o: Update): Output {
  const { gradient, finite } = o;
  const { nodes, graph } = ops;
  const { shape, decay } = ops.spec(o.parameter);
  const moment = (kind: 'm' | 'v'): Variable =>
    graph.variable(`${momentPrefix}${o.name}/${o.parameter}/${kind}`, shape, { startsAtZero: true });
  const variable = ops.variable(o.parameter);
  const variables = { variable, m: moment('m'), v: moment('v') };
  const before = [...finite, ...nodes.readersOf(variable)].map((node) => `^${node}`);
  const keep = decay && o.settings.weightDecay > 0 ? o.scalars.keep : null;
  return gradient.ids === null
    ? updateWhole(ops, o, variables, { before, keep })
    : updateRows(ops, o, variables, { before, keep, ids: gradient.ids });
}

interface Variables {
  readonly variable: Variable;
  readonly m: Variable;
  readonly v: Variable;
}

interface When {
  /** Control inputs of what changes a variable. */
  readonly before: readonly string[];
  /** The factor by which the parameter shrinks first, null for 1. */
  readonly keep: Output | null;
}

/** Shrinks the parameter, then moves it: two operations in this order. */
function updateWhole(
  { nodes, graph }: GraphOps,
  { gradient, settings, scalars }: Update,
  { variable, m, v }: Variables,
  { before, keep }: When,
): Output {
  const first: string[] = [];
  if (keep !== null) {
    const shrunk = nodes.mul(nodes.read(variable), keep);
    const stored = nodes.effect('AssignVariableOp', [variable.handle, shrunk, ...before], { dtype: T });
    first.push(`^${stored}`);
  }
  // The powers of beta that the op would correct its bias by are given as 0: adamWScalars has done it.
  const powers = [graph.float(0), graph.float(0)];
  const betas = [graph.float(settings.beta1), graph.float(settings.beta2)];
  return nodes.effect(
    'ResourceApplyAdam',
    [
      ...[variable.handle, m.handle, v.handle],
      ...[...powers, scalars.rate, ...betas, scalars.epsilon, gradient.values],
      ...before,
      ...first,
    ],
    { T, use_locking: { bool: false }, use_nesterov: { bool: false } },
  );
}

/** The same arithmetic on the rows `ids` of all three, which are looked up, computed and put back. */
function updateRows(
  { nodes, graph }: GraphOps,
  { gradient, settings, scalars }: Update,
  { variable, m, v }: Variables,
  { before, keep, ids }: When & { readonly ids: Output },
): Output {
  const g = gradient.values; // [u, width]
  const fade = (moment: Variable, beta: number, news: Output): Output => {
    const old = nodes.lookUp(moment, ids);
    return nodes.add(old, nodes.mul(nodes.sub(news, old), graph.float(1 - Math.fround(beta))));
  };
  const mean = fade(m, settings.beta1, g);
  const power = fade(v, settings.beta2, nodes.square(g));
  const rows = nodes.lookUp(variable, ids);
  const kept = keep === null ? rows : nodes.mul(rows, keep);
  const move = nodes.div(
    nodes.mul(mean, scalars.rate),
    nodes.add(nodes.op('Sqrt', [power]), scalars.epsilon),
  );
  const put = (target: Variable, values: Output, after: readonly string[]): Output =>
    nodes.effect('ResourceScatterUpdate', [target.handle, ids, values, ...after], {
      dtype: T,
      Tindices: { type: 'int32' },
    });
  const moments = [put(m, mean, before), put(v, power, before)].map((node) => `^${node}`);
  return put(variable, nodes.sub(kept, move), [...before, ...moments]);
}

const T = { type: 'float32' } as const;
