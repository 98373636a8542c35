// What to do when a step is refused because a loss or gradient was not finite. Nothing has changed then: the guard
// sits before the update. One bad batch is skipped and counted; several in a row mean that training has diverged.
import { RestillError } from '../errors.ts';

/** In a row, within a turn. */
const refusalsMax = 3;

export class StepHealth {
  private inARow = 0;
  refused = 0;

  /** Runs a step; null when it was refused. @throws NON_FINITE after `refusalsMax` refusals in a row. */
  attempt<T>(what: string, step: () => T): T | null {
    try {
      const result = step();
      this.inARow = 0;
      return result;
    } catch (error) {
      if (!(error instanceof RestillError) || error.code !== 'NON_FINITE') throw error;
      this.inARow++;
      this.refused++;
      if (this.inARow < refusalsMax) return null;
      throw new RestillError(
        'NON_FINITE',
        `${what}: ${refusalsMax} steps in a row had no finite loss or gradient; lower its learning_rate or clip_norm`,
        { cause: error },
      );
    }
  }
}
