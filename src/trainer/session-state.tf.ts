// What both models share: their state in and out of a session, and steps in one run or in parts.
import { partsOf } from '../tensor/accumulate.ts';
import { isMoment } from '../tensor/optimizer.ts';
import type { FeedValue } from '../tensor/packing.ts';
import type { Session } from '../tensor/session.tf.ts';
import type { ModelState, StepResult } from './models.ts';

/** The parameters named and the optimizers' moments. What else a session holds is not part of a state. */
export function modelState(session: Session, parameters: readonly string[]): ModelState {
  return { weights: session.get(parameters), moments: session.get(session.variables.filter(isMoment)) };
}

/** A state without moments (a fresh model) leaves them as they are: zero in a new session. */
export function restoreState(session: Session, { weights, moments }: ModelState): void {
  session.set(weights, [...weights.keys()]);
  if (moments.size > 0) session.set(moments, [...moments.keys()]);
}

export const stepResult = (fetched: Record<string, Float32Array>): StepResult => ({
  loss: fetched.loss![0]!,
  gradientNorm: fetched.gradientNorm![0]!,
});

type Feeds = Readonly<Record<string, FeedValue>>;

/** A micro-batch. */
export interface Part {
  readonly feeds: Feeds;
  /** How much of what the loss is a mean over: output tokens, or the sum of weights. */
  readonly size: number;
}

/** One step of a function that was added by `addTrainParts`. */
export function stepInParts(
  session: Session,
  name: string,
  parts: readonly Part[],
  scalars: Feeds,
): StepResult {
  const { begin, add, apply } = partsOf(name);
  const whole = parts.reduce((sum, { size }) => sum + size, 0);
  session.run(begin, {});
  for (const { feeds, size } of parts) {
    session.run(add, { ...feeds, share: { data: Float32Array.of(size / whole), shape: [] } });
  }
  return stepResult(session.run(apply, scalars));
}
