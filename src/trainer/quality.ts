// Ranking quality: nDCG@5, nDCG@10, PNR and MRR, with ties resolved by expectation.
//
// Invariants:
// 1. Scores count by their order only: a strictly increasing transform changes nothing.
// 2. The order in which documents are listed changes nothing: of equal scores every order is equally likely,
//    and a figure is its mean over them. So one constant score for all is exactly the floor "random order".
// 3. A perfect order has nDCG 1 and MRR 1; swapping a concordant pair of neighbours never improves a figure.
// 4. A query without a relevant document (grade > 0) says nothing about an order: left out and counted.

import { assert } from '../errors.ts';
import type { Quality } from '../protocol.ts';

/** The judged documents of one query, each with a grade, an integer from 0 (irrelevant), and a score. */
export interface JudgedRanking {
  readonly grades: readonly number[];
  readonly scores: readonly number[];
  /** How much this query counts; 1 when absent. */
  readonly weight?: number;
}

/** `queries` counts the measured ones; where it is 0 the other figures are 0 and mean nothing. */
export interface RankingQuality extends Quality {
  /** Queries without a relevant document. */
  readonly leftOut: number;
}

/** Weights of document pairs of one query whose grades differ. A pair with equal scores is half in each. */
export interface PairOrder {
  readonly concordant: number;
  readonly discordant: number;
}

/**
 * Means over queries of nDCG and MRR; PNR over the pairs of all queries together, as in Ye et al. 2025.
 *
 * PNR is concordant over discordant pairs: 1 for random order. Where nothing is discordant, half a pair
 * stands in: the true ratio is unbounded, and a report in JSON needs a number.
 */
export function rankQuality(rankings: readonly JudgedRanking[]): RankingQuality {
  const measured = rankings.filter(isMeasurable);
  const weights = measured.map((ranking) => ranking.weight ?? 1);
  const orders = measured.map(pairOrder);
  const concordant = weightedSum(
    orders.map((order) => order.concordant),
    weights,
  );
  const discordant = weightedSum(
    orders.map((order) => order.discordant),
    weights,
  );
  const mean = (figure: (ranking: JudgedRanking) => number): number =>
    measured.length === 0 ? 0 : weightedSum(measured.map(figure), weights) / total(weights);
  return {
    queries: measured.length,
    leftOut: rankings.length - measured.length,
    ndcg5: mean((ranking) => ndcg(ranking, 5)),
    ndcg10: mean((ranking) => ndcg(ranking, 10)),
    pnr: concordant / (discordant > 0 ? discordant : 0.5),
    mrr: mean(reciprocalRank),
  };
}

/** Whether a query can tell a good order from a bad one at all. */
export const isMeasurable = ({ grades }: JudgedRanking): boolean => grades.some((grade) => grade > 0);

/**
 * Normalised discounted cumulative gain of the first `k` (Järvelin & Kekäläinen 2002; Burges et al. 2005):
 * `sum over ranks r <= k of (2^grade - 1) / log2(1 + r)`, over the same sum of the best order of the same
 * documents. Equal scores: each document gets the mean gain of its tie (McSherry & Najork 2008).
 */
export function ndcg(ranking: JudgedRanking, k: number): number {
  const { grades } = ranking;
  const best = dcg(ties({ grades, scores: grades }), k);
  assert(best > 0, 'nDCG of a query without a relevant document has no value');
  return dcg(ties(ranking), k) / best;
}

/** 1 / rank of the first document of the pool's best grade. Equal scores: the mean over all their orders. */
export function reciprocalRank(ranking: JudgedRanking): number {
  const best = Math.max(...ranking.grades);
  let before = 0;
  for (const tie of ties(ranking)) {
    const hits = tie.filter((grade) => grade === best).length;
    if (hits > 0) return firstHitReciprocal({ before, size: tie.length, hits });
    before += tie.length;
  }
  return 0;
}

/** Compares every two documents of different grade. */
export function pairOrder({ grades, scores }: JudgedRanking): PairOrder {
  let concordant = 0;
  let discordant = 0;
  for (let i = 0; i < grades.length; i++) {
    for (let j = 0; j < grades.length; j++) {
      if (grades[i]! <= grades[j]!) continue;
      const margin = scores[i]! - scores[j]!;
      concordant += margin > 0 ? 1 : margin === 0 ? 0.5 : 0;
      discordant += margin < 0 ? 1 : margin === 0 ? 0.5 : 0;
    }
  }
  return { concordant, discordant };
}

/** The exact expectation over all orders of every query: invariant 2. */
export const randomFloor = (rankings: readonly JudgedRanking[]): RankingQuality =>
  rankQuality(rankings.map((ranking) => ({ ...ranking, scores: ranking.grades.map(() => 0) })));

/** Grades by descending score, those of equal scores together. */
function ties({ grades, scores }: JudgedRanking): number[][] {
  assert(grades.length === scores.length, `${scores.length} scores for ${grades.length} grades`);
  assert(scores.every(Number.isFinite), 'a score to rank by is not a finite number');
  const order = grades.map((_, i) => i).sort((i, j) => scores[j]! - scores[i]!);
  const blocks: number[][] = [];
  order.forEach((i, rank) => {
    if (rank > 0 && scores[order[rank - 1]!] === scores[i]) blocks.at(-1)!.push(grades[i]!);
    else blocks.push([grades[i]!]);
  });
  return blocks;
}

function dcg(blocks: readonly number[][], k: number): number {
  let rank = 0;
  let sum = 0;
  for (const block of blocks) {
    if (rank >= k) break;
    const gain = total(block.map((grade) => 2 ** grade - 1)) / block.length;
    for (let i = 0; i < block.length && rank < k; i++) sum += gain / Math.log2(++rank + 1);
  }
  return sum;
}

/** Mean of 1 / (before + first hit) over all orders of `size` documents with `hits` hits. */
function firstHitReciprocal({ before, size, hits }: { before: number; size: number; hits: number }): number {
  let mean = 0;
  let missed = 1;
  for (let place = 1; place <= size - hits + 1; place++) {
    const here = hits / (size - place + 1);
    mean += (missed * here) / (before + place);
    missed *= 1 - here;
  }
  return mean;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const weightedSum = (values: readonly number[], weights: readonly number[]): number =>
  values.reduce((sum, value, i) => sum + value * weights[i]!, 0);
