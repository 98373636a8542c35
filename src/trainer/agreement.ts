// Whether a student's scores make sense at all: how far apart they are, and whether its teacher would agree.
import { assert } from '../errors.ts';

/**
 * Kendall's tau-b (Kendall 1945): concordant minus discordant pairs over the geometric mean of the pairs that
 * are not tied in one of the two. In [-1, 1]; null where one of them gives every document the same score.
 */
export function kendall(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  assert(a.length === b.length, `${a.length} scores against ${b.length}`);
  let balance = 0;
  let untiedA = 0;
  let untiedB = 0;
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const x = Math.sign(a[i]! - a[j]!);
      const y = Math.sign(b[i]! - b[j]!);
      balance += x * y;
      untiedA += Math.abs(x);
      untiedB += Math.abs(y);
    }
  return untiedA > 0 && untiedB > 0 ? balance / Math.sqrt(untiedA * untiedB) : null;
}

/** Mean of `kendall` over the queries where it has a value; null where it has none. */
export const agreement = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number | null =>
  mean(a.map((scores, i) => kendall(scores, b[i]!)).filter((tau) => tau !== null));

/** Mean over queries of the standard deviation of a query's scores; null without queries. */
export const spread = (queries: readonly ArrayLike<number>[]): number | null =>
  mean(queries.filter(({ length }) => length > 1).map((scores) => deviation(Array.from(scores))));

function deviation(values: readonly number[]): number {
  const center = mean(values)!;
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2))!);
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
