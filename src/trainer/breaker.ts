// When to ask a server that fails, and when to leave it alone: back-off for one request, a circuit breaker
// over all of them (Nygard, Release It!, 2007). Pure; teacher.http.ts waits.
//
//   closed -- breakerFailures in a row --> open -- breakerPause --> one trial -- success --> closed
//                                           ^                          |
//                                           +--------- failure --------+
import type { RemoteTeacherConfig } from '../config-teacher.ts';
import type { Random } from '../random.ts';

type Settings = Pick<RemoteTeacherConfig, 'backoffMin' | 'backoffMax' | 'breakerFailures' | 'breakerPause'>;

export interface Breaker {
  /** In a row. */
  readonly failures: number;
  /** On the clock's `elapsed`; of no account while there are few failures. */
  readonly openUntilMs: number;
}

export const closed: Breaker = { failures: 0, openUntilMs: 0 };

/**
 * @returns how long to wait before asking again whether a request may be sent; 0: it may, now. Where the
 *   breaker is open it is the trial, and the next one waits.
 */
export function admit(
  breaker: Breaker,
  nowMs: number,
  settings: Settings,
): { breaker: Breaker; waitMs: number } {
  if (breaker.failures < settings.breakerFailures) return { breaker, waitMs: 0 };
  if (nowMs < breaker.openUntilMs) return { breaker, waitMs: breaker.openUntilMs - nowMs };
  return { breaker: { ...breaker, openUntilMs: nowMs + settings.breakerPause }, waitMs: 0 };
}

export const failed = ({ failures }: Breaker, nowMs: number, { breakerPause }: Settings): Breaker => ({
  failures: failures + 1,
  openUntilMs: nowMs + breakerPause,
});

/** Half of it certain, half of it jitter, so that requests that failed together do not come back together. */
export function backoffMs(retry: number, { backoffMin, backoffMax }: Settings, random: Random): number {
  return Math.min(backoffMax, backoffMin * 2 ** retry) * (0.5 + random.next() / 2);
}
