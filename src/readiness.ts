// Whether the daemon does what it is there for, and if not, what stands in the way. For `/readyz`.
import { type ErrorCode, RestillError } from './errors.ts';
import type { DaemonState } from './lifecycle.ts';

export interface Obstacle {
  readonly code: ErrorCode | DaemonState;
  readonly message: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly state: DaemonState;
  /** Empty when ready. */
  readonly obstacles: readonly Obstacle[];
}

/** What each state that is not ready means. RECOVERING is ready: it is taken care of. */
const notReady: Partial<Record<DaemonState, string>> = {
  STARTING: 'the trainer process loads its generation',
  DEGRADED: 'the trainer was given up; ingest goes on until the ring is full',
  DRAINING: 'a stop was asked for, or the source broke off',
  STOPPED: 'everything is done',
  FAILED: 'the run has failed',
};

/** Parts beside the daemon's state: `trainer`, `source`. */
export class Health {
  #state: DaemonState = 'STARTING';
  readonly #obstacles = new Map<string, Obstacle>();

  enter(state: DaemonState): void {
    this.#state = state;
  }

  /** What stands in the way of a part; null: nothing any more. An error that is not ours counts as BUG. */
  report(part: string, error: unknown): void {
    if (error === null) this.#obstacles.delete(part);
    else this.#obstacles.set(part, obstacleOf(error));
  }

  readiness(): Readiness {
    const state = this.#state;
    const because = notReady[state];
    const obstacles = [
      ...this.#obstacles.values(),
      ...(because === undefined ? [] : [{ code: state, message: because }]),
    ];
    return { ready: obstacles.length === 0, state, obstacles };
  }
}

function obstacleOf(error: unknown): Obstacle {
  if (error instanceof RestillError) return { code: error.code, message: error.message };
  return { code: 'BUG', message: error instanceof Error ? error.message : String(error) };
}
