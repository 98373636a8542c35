// Somebody who brings more than can be taken at once waits a little.
import type { Timer } from '../clock.ts';

export class Respite {
  readonly #timer: Timer;
  readonly #msMax: number;
  #end: () => void = () => {};

  constructor(timer: Timer, msMax: number) {
    this.#timer = timer;
    this.#msMax = msMax;
  }

  /** Until it is ended, and no longer than may be. One at a time: another one ends the one before. */
  begin(): Promise<void> {
    this.#end();
    return new Promise((resolve) => {
      const cancel = this.#timer.after(this.#msMax, resolve);
      this.#end = () => {
        cancel();
        resolve();
      };
    });
  }

  end(): void {
    this.#end();
  }
}
