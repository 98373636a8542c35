// The anchor: holdout queries with the clicks of one page each, chosen at the beginning and kept from then
// on. What is recent comes and goes; only on queries that stay can it be seen that something was forgotten.
import type { Group } from '../contract.ts';
import { hashUnit } from '../hash.ts';
import { clickSet, type EvaluationQuery } from './evaluation.ts';

/**
 * The anchor with new queries up to `max`, by the order of a seeded hash; what is in it stays as it is.
 *
 * @param groups holdout groups, in the order of the journal; of a query the first that can be ranked counts.
 */
export function extendAnchor(
  anchor: readonly EvaluationQuery[],
  groups: readonly Group[],
  { max, seed }: { readonly max: number; readonly seed: number },
): EvaluationQuery[] {
  const taken = new Set(anchor.map(({ unit }) => unit));
  const room = max - taken.size;
  if (room <= 0) return [...anchor];
  const fresh = new Map<string, EvaluationQuery[]>();
  for (const group of groups) {
    if (taken.has(group.queryKey) || fresh.has(group.queryKey)) continue;
    const { queries } = clickSet([group]);
    if (queries.length > 0) fresh.set(group.queryKey, [...queries]);
  }
  const chosen = [...fresh]
    .map(([key, queries]) => ({ rank: hashUnit(key, seed), key, queries }))
    .sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1))
    .slice(0, room);
  return [...anchor, ...chosen.flatMap(({ queries }) => queries)];
}
