// Whether a trainer that died is started again, and after how long. Pure; supervisor.rx.ts acts on it.
import type { Config } from './config.ts';
import { type Disposition, RestillError } from './errors.ts';

export type RestartPolicy = Pick<
  Config['trainer'],
  'restartsMax' | 'restartsWindow' | 'backoffMin' | 'backoffMax'
>;

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly deathsMs: readonly number[] }
  /** `hopeless`: a new process would meet the same error. */
  | { readonly kind: 'give-up'; readonly reason: 'hopeless' | 'too-often' };

/**
 * From the last generation on, a crash (`retry`) may not come again, and neither may a loss that was not
 * finite (`rollback`): what was learnt since is gone. Wrong configuration, damaged files and our own
 * mistakes stay what they are.
 */
const worthTrying: readonly Disposition[] = ['retry', 'rollback'];

/**
 * @param deathsMs When it died before, as the last decision left it.
 * @param nowMs When it died now, on the same clock.
 */
export function decideRestart(
  deathsMs: readonly number[],
  { nowMs, error }: { readonly nowMs: number; readonly error: unknown },
  policy: RestartPolicy,
): RestartDecision {
  const isWorthTrying = error instanceof RestillError && worthTrying.includes(error.disposition);
  if (!isWorthTrying) return { kind: 'give-up', reason: 'hopeless' };
  const deaths = [...deathsMs.filter((ms) => nowMs - ms < policy.restartsWindow), nowMs];
  if (deaths.length > policy.restartsMax) return { kind: 'give-up', reason: 'too-often' };
  const delayMs = Math.min(policy.backoffMax, policy.backoffMin * 2 ** (deaths.length - 1));
  return { kind: 'restart', delayMs, deathsMs: deaths };
}
