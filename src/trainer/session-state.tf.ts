// What both models share: their state in and out of a session.
import type { Session } from '../tensor/session.tf.ts';
import type { ModelState, StepResult } from './models.ts';

/** Weights are the parameters; everything else in a session is an optimizer's moment. */
export function modelState(session: Session, parameters: readonly string[]): ModelState {
  const all = session.get();
  const names = new Set(parameters);
  const entries = [...all];
  return {
    weights: new Map(entries.filter(([name]) => names.has(name))),
    moments: new Map(entries.filter(([name]) => !names.has(name))),
  };
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
