// The error of a full queue, which knows when it is worth coming again.
import { RestillError } from '../errors.ts';

export class ServeBusy extends RestillError {
  /** Milliseconds until there is likely to be room. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('SERVE_BUSY', message);
    this.retryAfterMs = retryAfterMs;
  }
}
