// AdamW in the graph: Loshchilov and Hutter 2017, arXiv 1711.05101, as torch.optim.AdamW computes it.
//
// Invariants:
// 1. All variables change or none: every update waits until loss and gradient norm are known to be finite.
// 2. An update waits for everything that reads its variable, so it works in place.
// 3. Each train function has moments of its own, `opt/<function>/<parameter>/m` and `/v`: the teacher is
//    trained by two losses, and the curvature of the one says nothing about the other.
import type { FeedSpec, Output } from './graph.ts';
import type { GraphOps } from './graph-ops.ts';
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
 * @returns the loss and the gradient's global norm before clipping, both computed before and handed out after
 *   the update. When one of them is not finite, nothing changes and the run fails with `nonFiniteMark`.
 */
export function adamWStep(
  ops: GraphOps,
  name: string,
  loss: Output,
  settings: AdamW,
  scalars: AdamWScalars<Output>,
): { loss: Output; gradientNorm: Output } {
  const { nodes, graph } = ops;
  const gradients = ops.gradients(loss);

  const norm = nodes.finite(
    globalNorm(ops, [...gradients.values()]),
    `${nonFiniteMark}: the gradient's norm`,
  );
  const finite = [nodes.finite(loss, `${nonFiniteMark}: the loss`), norm];

  const scale = nodes.min(graph.float(1), nodes.div(graph.float(settings.clipNorm), norm));

  const updates = [...gradients].map(([parameter, gradient]) =>
    update(ops, { name, parameter, gradient: nodes.mul(gradient, scale), finite, settings, scalars }),
  );
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
  readonly gradient: Output;
  /** What must have been found finite before anything changes. */
  readonly finite: readonly Output[];
  readonly settings: AdamW;
  readonly scalars: AdamWScalars<Output>;
}

/** Shrinks the parameter, then moves it: two operations in this order. Returns the last. */
function update(ops: GraphOps, { name, parameter, gradient, finite, settings, scalars }: Update): Output {
  const { nodes, graph } = ops;
  const spec = ops.spec(parameter);
  const variable = ops.variable(parameter);
  const moment = (kind: 'm' | 'v') =>
    graph.variable(`opt/${name}/${parameter}/${kind}`, spec.shape, { startsAtZero: true }).handle;
  const decays = spec.decay && settings.weightDecay > 0;
  const shrunk = decays ? nodes.mul(nodes.read(variable), scalars.keep) : null;
  const before = [...finite, ...nodes.readersOf(variable)].map((node) => `^${node}`);
  if (shrunk !== null) {
    const type = { type: 'float32' } as const;
    const stored = nodes.effect('AssignVariableOp', [variable.handle, shrunk, ...before], { dtype: type });
    before.push(`^${stored}`);
  }
  // The powers of beta that the op would correct its bias by are given as 0: adamWScalars has done it.
  const powers = [graph.float(0), graph.float(0)];
  const betas = [graph.float(settings.beta1), graph.float(settings.beta2)];
  return nodes.effect(
    'ResourceApplyAdam',
    [
      ...[variable.handle, moment('m'), moment('v')],
      ...[...powers, scalars.rate, ...betas, scalars.epsilon, gradient],
      ...before,
    ],
    { T: { type: 'float32' }, use_locking: { bool: false }, use_nesterov: { bool: false } },
  );
}
