// Whether the broker still answers. A client of Kafka tries for ever; an operator wants to know, and perhaps
// wants the process to end (promise 10: silence is not taken for an idle topic).
import type { Timer } from '../clock.ts';

export interface ContactParts {
  readonly timer: Timer;
  /** Milliseconds without an answer after which the broker counts as away. */
  readonly awayMax: number;
  /** Told once for each time that it is away. */
  readonly away: () => void;
  /** It answers again. */
  readonly back: () => void;
}

export interface Contact {
  /** An answer came. */
  heard(): void;
  close(): void;
}

/** Begins as if an answer had just come. One timer is set at a time, however many answers come. */
export function watchContact({ timer, awayMax, away, back }: ContactParts): Contact {
  let heardMs = timer.elapsed();
  let isAway = false;
  let cancel: () => void = () => {};
  const watch = (ms: number): void => {
    cancel = timer.after(ms, look);
  };
  function look(): void {
    const silentMs = timer.elapsed() - heardMs;
    if (silentMs < awayMax) return watch(awayMax - silentMs);
    isAway = true;
    away();
  }
  watch(awayMax);
  return {
    heard: () => {
      heardMs = timer.elapsed();
      if (!isAway) return;
      isAway = false;
      watch(awayMax);
      back();
    },
    close: () => cancel(),
  };
}
