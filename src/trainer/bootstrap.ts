// How sure a difference between two rankers is.
import { assert } from '../errors.ts';
import type { Gain } from '../protocol.ts';
import type { Random } from '../random.ts';

/**
 * Bootstrap of `mean(a - b)` over queries (Efron & Tibshirani 1993, percentile interval): `a[i]` and `b[i]`
 * are the figures of two rankers on the same query, so what makes the query hard cancels out.
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  random: Random,
  { resamples, confidence } = { resamples: 2000, confidence: 0.95 },
): Gain {
  assert(a.length === b.length && a.length > 0, `cannot pair ${a.length} figures with ${b.length}`);
  const differences = a.map((value, i) => value - b[i]!);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < differences.length; i++) sum += differences[random.below(differences.length)]!;
    return sum / differences.length;
  }).sort((x, y) => x - y);
  const tail = (1 - confidence) / 2;
  const at = (share: number): number => means[Math.round(share * (resamples - 1))]!;
  return { mean: total(differences) / differences.length, low: at(tail), high: at(1 - tail) };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
