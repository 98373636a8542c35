// Time that moves only when a test says so.
import type { Timer } from '../../src/clock.ts';

export interface VirtualTimer extends Timer {
  /** Moves on, calling back what falls due on the way, in order. */
  advance(ms: number): void;
  /** Waits that are neither over nor called off. */
  readonly waiting: number;
}

/** Begins at `startMs`, milliseconds since the epoch. */
export function virtualTimer(startMs = 1_767_225_600_000): VirtualTimer {
  let elapsedMs = 0;
  const waits = new Set<{ readonly dueMs: number; readonly callback: () => void }>();
  return {
    now: () => startMs + elapsedMs,
    elapsed: () => elapsedMs,
    after: (ms, callback) => {
      const wait = { dueMs: elapsedMs + ms, callback };
      waits.add(wait);
      return () => void waits.delete(wait);
    },
    advance: (ms) => {
      const untilMs = elapsedMs + ms;
      for (;;) {
        const [next] = [...waits].filter((w) => w.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
        if (!next) break;
        waits.delete(next);
        elapsedMs = next.dueMs;
        next.callback();
      }
      elapsedMs = untilMs;
    },
    get waiting() {
      return waits.size;
    },
  };
}
