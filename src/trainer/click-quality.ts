// Ranking quality measured by clicks: satisfied clicks stand for relevance, pages for queries. Clicks only
// exist where users looked, so these figures compare rankers; they are no substitute for judgments.
import type { Group } from '../contract.ts';
import { assert } from '../errors.ts';
import { type JudgedRanking, type RankingQuality, rankQuality } from './quality.ts';

/**
 * How clicks count.
 * - `page`: one ranking per page, satisfied clicks have grade 1. Favours what stood on top when it was shown.
 * - `inverse-propensity`: one ranking per satisfied click, against the results without one, weighing
 *   1 / propensity: a click far down, where few look, stands for many that were not made (Joachims,
 *   Swaminathan & Schnabel 2017).
 */
export type ClickWeighting = 'page' | 'inverse-propensity';

/** `scores[g][r]` belongs to `groups[g].results[r]`. The order shown is a floor: see `shownScores`. */
export const clickQuality = (
  groups: readonly Group[],
  scores: readonly (readonly number[])[],
  weighting: ClickWeighting,
): RankingQuality => rankQuality(groups.flatMap((group, g) => clickRankings(group, scores[g]!, weighting)));

/** Scores that rank the results of a group as the page did. */
export const shownScores = (group: Group): number[] => group.results.map((result) => -result.position);

function clickRankings(group: Group, scores: readonly number[], weighting: ClickWeighting): JudgedRanking[] {
  const { results } = group;
  assert(scores.length === results.length, `${scores.length} scores for ${results.length} results`);
  if (weighting === 'page') return [{ grades: results.map((r) => (r.satisfied ? 1 : 0)), scores }];
  return results
    .filter((clicked) => clicked.satisfied)
    .map((clicked) => {
      const pool = results.flatMap((r, i) => (r === clicked || !r.satisfied ? [i] : []));
      return {
        grades: pool.map((i) => (results[i] === clicked ? 1 : 0)),
        scores: pool.map((i) => scores[i]!),
        weight: 1 / clicked.propensity,
      };
    });
}
