// What to do when a step is refused because a loss or gradient was not finite. Nothing has changed then: the
// guard sits before the update. One bad batch is skipped and counted; several in a row mean that training has
// diverged.
import { RestillError } from '../errors.ts';
import type { TrainerState } from './state.ts';

/**
 * In a row, within a turn. Counted in the state: a restart between two of them changes nothing (promise 3).
 */
const refusalsMax = 3;

/**
 * Runs a step; null when it was refused.
 *
 * @throws RestillError NON_FINITE after `refusalsMax` refusals in a row.
 */
export function attempt<T>(
  state: Pick<TrainerState, 'sums' | 'stepsRefused'>,
  what: string,
  step: () => T,
): T | null {
  try {
    const result = step();
    state.sums.refusedInARow = 0;
    return result;
  } catch (error) {
    if (!(error instanceof RestillError) || error.code !== 'NON_FINITE') throw error;
    state.stepsRefused++;
    if (++state.sums.refusedInARow < refusalsMax) return null;
    throw new RestillError(
      'NON_FINITE',
      `${what}: ${refusalsMax} steps in a row had no finite loss or gradient; ` +
        'lower its learning_rate or clip_norm',
      { cause: error },
    );
  }
}
