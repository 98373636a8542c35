// Two students on the same holdout queries, by the same labels: what the gate judges by.
//
// Invariants:
// 1. Paired: both students are scored in the same turn on the same set, so a label that has moved since the
//    live one was published has moved for both.
// 2. A difference is candidate minus live: above zero the candidate is better.
// 3. Rankings of one query are one unit of the bootstrap: clicks of one query are not independent.
// 4. The same set, scores and seed give the same intervals.
import { assert } from '../errors.ts';
import type { Comparison, Ordering, PairedQuery } from '../evidence.ts';
import { hashHex } from '../hash.ts';
import type { Random } from '../random.ts';
import { type BootstrapSettings, bootstrap } from './bootstrap.ts';
import type { EvaluationQuery } from './evaluation.ts';
import { ndcg, pairOrder } from './quality.ts';

/**
 * @param scores of the documents of all rankings, one after the other; finite.
 * @returns null for a set without rankings.
 */
export function compare(
  set: { readonly on: Comparison['on']; readonly queries: readonly EvaluationQuery[] },
  scores: { readonly candidate: Float32Array; readonly live: Float32Array },
  random: Random,
  settings: BootstrapSettings,
): Comparison | null {
  const queries = pairByQuery(set.queries, scores);
  if (queries.length === 0) return null;
  return { on: set.on, queries, ...intervals(queries, random, settings) };
}

/**
 * Mean nDCG@10, weighted, and PNR over all pairs together, as `rankQuality` has them; half a pair is added on
 * both sides (Haldane 1956), so that no resample divides by zero.
 */
export function intervals(
  queries: readonly PairedQuery[],
  random: Random,
  settings: BootstrapSettings,
): Pick<Comparison, 'ndcg10' | 'lnPnr'> {
  const ndcg10 = (drawn: Int32Array): number => {
    let difference = 0;
    let weight = 0;
    for (const i of drawn) {
      const query = queries[i]!;
      difference += query.weight * (query.candidate.ndcg10 - query.live.ndcg10);
      weight += query.weight;
    }
    return difference / weight;
  };
  const lnPnr = (drawn: Int32Array): number =>
    lnPnrOf(drawn, (i) => queries[i]!.candidate) - lnPnrOf(drawn, (i) => queries[i]!.live);
  return bootstrap(queries.length, { ndcg10, lnPnr }, random, settings);
}

function lnPnrOf(drawn: Int32Array, ordering: (i: number) => Ordering): number {
  let concordant = 0.5;
  let discordant = 0.5;
  for (const i of drawn) {
    concordant += ordering(i).concordant;
    discordant += ordering(i).discordant;
  }
  return Math.log(concordant / discordant);
}

interface Sums {
  weight: number;
  ndcg10: number;
  concordant: number;
  discordant: number;
}

/** One entry per distinct query, in the order of their first ranking. */
function pairByQuery(
  rankings: readonly EvaluationQuery[],
  scores: { readonly candidate: Float32Array; readonly live: Float32Array },
): PairedQuery[] {
  const units = new Map<string, { candidate: Sums; live: Sums; labels: string[] }>();
  let at = 0;
  for (const ranking of rankings) {
    const to = at + ranking.grades.length;
    const key = ranking.unit ?? ranking.query;
    const unit = units.get(key) ?? { candidate: noSums(), live: noSums(), labels: [] };
    add(unit.candidate, ranking, scores.candidate.subarray(at, to));
    add(unit.live, ranking, scores.live.subarray(at, to));
    unit.labels.push(JSON.stringify([ranking.documents, ranking.grades, ranking.weight]));
    units.set(key, unit);
    at = to;
  }
  assert(
    scores.candidate.length === at && scores.live.length === at,
    `${scores.candidate.length} and ${scores.live.length} scores for ${at} documents`,
  );
  return [...units].map(([key, { candidate, live, labels }]) => ({
    query: hashHex(key),
    labels: hashHex(labels.join('\n')),
    weight: candidate.weight,
    candidate: orderingOf(candidate),
    live: orderingOf(live),
  }));
}

function add(sums: Sums, { grades, weight }: EvaluationQuery, scores: Float32Array): void {
  const ranking = { grades, scores: [...scores] };
  const { concordant, discordant } = pairOrder(ranking);
  sums.weight += weight;
  sums.ndcg10 += weight * ndcg(ranking, 10);
  sums.concordant += weight * concordant;
  sums.discordant += weight * discordant;
}

const orderingOf = ({ weight, ndcg10, concordant, discordant }: Sums): Ordering => ({
  ndcg10: ndcg10 / weight,
  concordant,
  discordant,
});

const noSums = (): Sums => ({ weight: 0, ndcg10: 0, concordant: 0, discordant: 0 });
