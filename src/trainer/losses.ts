// The losses, written once for compiled and eager ops. Scores are logits; teacher scores and weights are
// constants: no gradient flows into them. Continued pre-training's is `llamaCrossEntropy` in tensor/llama.ts.
//
// Pairs come as one vector of 2b scores: first b positives (better ones), then their negatives (worse ones).
import type { Ops } from '../tensor/ops.ts';

/**
 * Mean squared difference of scores: mean (s - t)^2. DisRanker (Ye et al. 2024, arXiv 2411.04539).
 *
 * @param student [k].
 * @param teacher [k].
 * @returns scalar, in logits squared.
 */
export function pointMse<T>(ops: Ops<T>, student: T, teacher: T): T {
  return ops.mean(ops.square(ops.subtract(student, teacher)));
}

/**
 * Mean squared difference of margins: mean ((s+ - s-) - (t+ - t-))^2.
 * Hofstaetter et al. 2020, arXiv 2010.02666.
 *
 * A margin is score(query, positive) - score(query, negative), **signed**: the teacher may prefer the
 * "negative", and the student must learn that.
 *
 * @param student [2b].
 * @param teacher [2b].
 * @returns scalar, in logits squared.
 */
export function marginMse<T>(ops: Ops<T>, student: T, teacher: T): T {
  return ops.mean(ops.square(ops.subtract(margins(ops, student), margins(ops, teacher))));
}

/**
 * Hybrid distillation: w * pointMse + (1 - w) * marginMse. DisRanker; the paper does not print its weights.
 *
 * @param student [2b].
 * @param teacher [2b].
 * @param pointWeight w, in [0, 1].
 * @returns scalar, in logits squared.
 */
export function hybridMse<T>(ops: Ops<T>, student: T, teacher: T, pointWeight: number): T {
  const point = ops.affine(pointMse(ops, student, teacher), pointWeight);
  const margin = ops.affine(marginMse(ops, student, teacher), 1 - pointWeight);
  return ops.add(point, margin);
}

/**
 * RankNet (Burges et al. 2005): weighted mean of log(1 + e^-(s_better - s_worse)), the negative log
 * likelihood that the better one wins.
 *
 * @param scores [2b].
 * @param weights [b], not negative and not all zero.
 * @returns scalar, in nats.
 */
export function rankNet<T>(ops: Ops<T>, scores: T, weights: T): T {
  return ops.weightedMean(ops.softplus(ops.affine(margins(ops, scores), -1)), weights);
}

/**
 * Hinge: weighted mean of max(0, margin - (s_better - s_worse)).
 *
 * @param scores [2b].
 * @param weights [b], not negative and not all zero.
 * @param margin by how much the better one should lead, in logits.
 * @returns scalar, in logits.
 */
export function hinge<T>(ops: Ops<T>, scores: T, weights: T, margin: number): T {
  return ops.weightedMean(ops.relu(ops.affine(margins(ops, scores), -1, margin)), weights);
}

/** First half minus second half: [2b] -> [b]. */
function margins<T>(ops: Ops<T>, scores: T): T {
  const [first, second] = ops.halves(scores);
  return ops.subtract(first, second);
}
