// Whether a trainer that died is started again, and after how long. Pure; supervisor.rx.ts acts on it.
import type { Config } from './config.ts';
import { type Disposition, RestillError } from './errors.ts';

export type RestartPolicy = Pick<
  Config['trainer'],
  'restartsMax' | 'restartsWindow' | 'backoffMin' | 'backoffMax'
>;

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly deathsMs: readonly number[] }
  /** `hopeless`: a new process would meet the same error. `repeated`: one has met it. */
  | { readonly kind: 'give-up'; readonly reason: 'hopeless' | 'repeated' | 'too-often' };

export interface Death {
  readonly error: unknown;
  /** Up to which group the process had learnt; null: it died before it said so. */
  readonly cursor: number | null;
}

/**
 * From the last generation on, a crash (`retry`) may not come again, and neither may a loss that was not
 * finite (`rollback`): what was learnt since is gone. Wrong configuration, damaged files and our own
 * mistakes stay what they are.
 */
const worthTrying: readonly Disposition[] = ['retry', 'rollback'];

/**
 * Whether a trainer met what its predecessor met, at the same place: a loss that is not finite comes from the
 * same weights and the same groups each time (promise 2). A crash is another matter: it comes from outside.
 */
export function isRepeated({ error, cursor }: Death, before: Death | null): boolean {
  if (!(error instanceof RestillError) || error.disposition !== 'rollback') return false;
  if (before === null || cursor === null || before.cursor !== cursor) return false;
  const { code, message } = before.error as RestillError;
  return code === error.code && message === error.message;
}

/**
 * @param deathsMs When it died before, as the last decision left it.
 * @param now When it died now, on the same clock, and whether as the one before (isRepeated).
 */
export function decideRestart(
  deathsMs: readonly number[],
  now: { readonly nowMs: number; readonly error: unknown; readonly repeated: boolean },
  policy: RestartPolicy,
): RestartDecision {
  const { nowMs, error, repeated } = now;
  const isWorthTrying = error instanceof RestillError && worthTrying.includes(error.disposition);
  if (!isWorthTrying) return { kind: 'give-up', reason: 'hopeless' };
  if (repeated) return { kind: 'give-up', reason: 'repeated' };
  const deaths = [...deathsMs.filter((ms) => nowMs - ms < policy.restartsWindow), nowMs];
  if (deaths.length > policy.restartsMax) return { kind: 'give-up', reason: 'too-often' };
  const delayMs = Math.min(policy.backoffMax, policy.backoffMin * 2 ** (deaths.length - 1));
  return { kind: 'restart', delayMs, deathsMs: deaths };
}
