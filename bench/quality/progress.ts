// Lines that say how far a long run is.
import type { Clock } from '../../src/clock.ts';
import type { StepDone } from '../../src/trainer/turn.ts';

const everyMs = 20_000;

/** Prints a line now and then: what is done of the part at hand, and how long it may still take. */
export function progressLines(
  clock: Clock,
  print: (line: string) => void,
): (what: string, at: StepDone) => void {
  let part = { what: '', sinceMs: 0, doneBefore: 0 };
  let printedMs = clock.elapsed();
  return (what, { done, of }) => {
    const now = clock.elapsed();
    if (part.what !== what || done <= part.doneBefore) part = { what, sinceMs: now, doneBefore: done };
    if (now - printedMs < everyMs && done < of) return;
    printedMs = now;
    const rate = (now - part.sinceMs) / Math.max(1, done - part.doneBefore);
    print(`    ${what} ${done} of ${of}, ${duration((rate * (of - done)) / 1000)} left`);
  };
}

/** `45 s`, `12 min`, `3.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
