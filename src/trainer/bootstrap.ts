// How sure a difference between two rankers is.
import { assert } from '../errors.ts';
import type { Interval } from '../evidence.ts';
import type { Random } from '../random.ts';

export interface BootstrapSettings {
  readonly resamples: number;
  /** In (0, 1). */
  readonly confidence: number;
}

const usual: BootstrapSettings = { resamples: 2000, confidence: 0.95 };

/**
 * Bootstrap of `mean(a - b)` over queries (Efron & Tibshirani 1993, percentile interval): `a[i]` and `b[i]`
 * are the figures of two rankers on the same query, so what makes the query hard cancels out.
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  random: Random,
  settings: BootstrapSettings = usual,
): Interval {
  assert(a.length === b.length && a.length > 0, `cannot pair ${a.length} figures with ${b.length}`);
  const differences = a.map((value, i) => value - b[i]!);
  const mean = (drawn: Int32Array): number => {
    let sum = 0;
    for (const i of drawn) sum += differences[i]!;
    return sum / drawn.length;
  };
  return bootstrap(differences.length, { mean }, random, settings).mean;
}

/**
 * Percentile intervals of statistics that are not means of the units, such as a ratio of sums. All of them
 * see the same resamples.
 *
 * @param units how many there are to draw from, with replacement; what depends on each other is one unit.
 * @param statistics of the units drawn, by index; one may occur several times.
 * @returns for each statistic its value on the units themselves, and its interval.
 */
export function bootstrap<Name extends string>(
  units: number,
  statistics: Readonly<Record<Name, (drawn: Int32Array) => number>>,
  random: Random,
  { resamples, confidence }: BootstrapSettings,
): Record<Name, Interval> {
  assert(units > 0 && resamples > 0, `cannot draw ${resamples} times from ${units} units`);
  const entries = Object.entries(statistics) as [Name, (drawn: Int32Array) => number][];
  const samples = entries.map(() => new Float64Array(resamples));
  const drawn = new Int32Array(units);
  for (let sample = 0; sample < resamples; sample++) {
    for (let i = 0; i < units; i++) drawn[i] = random.below(units);
    entries.forEach(([, statistic], s) => {
      samples[s]![sample] = statistic(drawn);
    });
  }
  const itself = Int32Array.from(drawn, (_, i) => i);
  const tail = (1 - confidence) / 2;
  const at = (sorted: Float64Array, share: number): number => sorted[Math.round(share * (resamples - 1))]!;
  return Object.fromEntries(
    entries.map(([name, statistic], s) => {
      const sorted = samples[s]!.sort();
      return [name, { mean: statistic(itself), low: at(sorted, tail), high: at(sorted, 1 - tail) }];
    }),
  ) as Record<Name, Interval>;
}
