// The candidate on trial: the student as it stands, beside the live one, on the same holdout queries. Run at
// SNAPSHOT, right after EVALUATE, so its figures are those of the very weights that are stored.
import type { Comparison, Trial } from '../evidence.ts';
import { randomFor } from '../random.ts';
import { spread } from './agreement.ts';
import { compare } from './comparison.ts';
import { evaluationSets, scoreSet, withStudent } from './evaluate.ts';
import type { EvaluationQuery } from './evaluation.ts';
import type { ModelState } from './models.ts';
import type { Workshop } from './turn.ts';

interface TrialSet {
  readonly on: Comparison['on'];
  readonly queries: readonly EvaluationQuery[];
}

/**
 * Nothing here has ever trained either of the two (promise 7), so each is tested on it before it was learnt.
 *
 * @param live weights of the student that serves; null: there is none to compare with.
 * @param metrics of the candidate's snapshot.
 */
export function tryCandidate(
  shop: Workshop,
  live: ModelState | null,
  metrics: Readonly<Record<string, number>>,
): Trial {
  const { cursor } = shop.state.position;
  const sets = trialSets(shop, cursor);
  const scores = sets.map((set) => scoreSet(shop, set));
  const nonFinite = scores.flatMap((row) => [...row]).filter((score) => !Number.isFinite(score)).length;
  const liveScores =
    live === null || nonFinite > 0
      ? []
      : withStudent(shop, live, () => sets.map((set) => scoreSet(shop, set)));
  const comparisons = liveScores.flatMap((row, i) => {
    if (!row.every(Number.isFinite)) return [];
    const random = randomFor(shop.config.seed, 'gate', sets[i]!.on, cursor);
    return compare(sets[i]!, { candidate: scores[i]!, live: row }, random, shop.config.gate) ?? [];
  });
  return {
    cursor,
    metrics,
    nonFinite,
    queries: distinct(sets[0]?.queries ?? []),
    spread: nonFinite > 0 ? null : spread(sets.flatMap((set, i) => perQuery(set.queries, scores[i]!))),
    agreement: metrics[`${sets[0]?.on}.agreement`] ?? null,
    comparisons,
  };
}

/** The set that counts most first: judgments, where there are any. */
function trialSets(shop: Workshop, cursor: number): TrialSet[] {
  const queries = shop.config.gate.anchorQueries > 0 ? shop.state.anchor : [];
  const anchor: TrialSet[] = queries.length > 0 ? [{ on: 'anchor', queries }] : [];
  return [...evaluationSets(shop, cursor), ...anchor];
}

const distinct = (queries: readonly EvaluationQuery[]): number =>
  new Set(queries.map(({ unit, query }) => unit ?? query)).size;

function perQuery(queries: readonly EvaluationQuery[], scores: Float32Array): Float32Array[] {
  let at = 0;
  return queries.map(({ grades }) => {
    at += grades.length;
    return scores.subarray(at - grades.length, at);
  });
}
