// What a model is written in. Models and losses are functions of an `Ops<T>` and never know which one it is:
// - GraphOps (graph-ops.ts) puts the ops into a TensorFlow graph, with gradients written by hand: it trains.
// - EagerOps (eager-ops.tf.ts) runs them one by one in tfjs, with tfjs's own gradients: it is the reference.
// A tensor is float32 unless it says int32. `[m, width]` has one row per real token: see packing.ts.
import type { PackedBatch } from './packing.ts';

/** How many attention heads, and the width of each. */
export interface HeadShape {
  readonly heads: number;
  readonly size: number;
}

export interface Border {
  readonly rows: readonly [above: number, below: number];
  readonly columns: readonly [left: number, right: number];
}

export interface Ops<T> {
  // ---------------------------------------------------------------- sources

  /** A weight, by its Hugging Face name. */
  parameter(name: string): T;
  /**
   * Rows of a weight matrix by its Hugging Face name: ids int32 [k] -> [k, width]. The same numbers as
   * `rows(parameter(name), ids)`, but its gradient and its update touch those rows alone: for large tables
   * that a model uses in no other way. See optimizer.ts for what that means for the other rows.
   */
  embedding(name: string, ids: T): T;
  /** Numbers that never change. */
  constant(values: Float32Array, shape: readonly number[]): T;

  // ---------------------------------------------------------------- pieces

  /**
   * body(x): a piece of the model that depends on nothing but x, parameters and constants. What is computed
   * inside need not be kept for the gradient: it can be computed again from x.
   */
  segment(x: T, body: (x: T) => T): T;

  // ---------------------------------------------------------------- element by element

  /** a + b, of one shape. */
  add(a: T, b: T): T;
  /** a - b, of one shape. */
  subtract(a: T, b: T): T;
  /** factor * x + offset. */
  affine(x: T, factor: number, offset?: number): T;
  square(x: T): T;
  tanh(x: T): T;
  /** max(x, 0). */
  relu(x: T): T;
  /** log(1 + e^x), without overflow. */
  softplus(x: T): T;
  /** x * Phi(x) with the normal distribution Phi: the exact one, by erf, as Hugging Face's "gelu". */
  gelu(x: T): T;
  /** silu(gate) * up, with silu(x) = x * sigmoid(x). Shazeer 2020, arXiv 2002.05202. */
  swiglu(gate: T, up: T): T;

  // ---------------------------------------------------------------- rows

  /** x w^T + b: [m, in], weight [out, in], bias [out] or none -> [m, out]. The layout of torch's Linear. */
  linear(x: T, weight: T, bias: T | null): T;
  /** Each row to mean 0 and variance 1, then * weight + bias. x [m, width], weight and bias [width]. */
  layerNorm(x: T, weight: T, bias: T, epsilon: number): T;
  /** Each row to mean square 1, then * weight. x [m, width], weight [width]. */
  rmsNorm(x: T, weight: T, epsilon: number): T;
  /** The rows of x [rows, width] with these ids, int32 [k] -> [k, width]. A row may be taken again. */
  rows(x: T, ids: T): T;
  /** Matrices (or vectors) one below the other. */
  stack(parts: readonly T[]): T;
  /** The first and the second half of a vector: [2b] -> [b] and [b]. */
  halves(x: T): readonly [T, T];
  /** The same numbers in another shape; one size may be -1: what is left over. */
  reshape(x: T, shape: readonly number[]): T;
  /** A matrix with zeros around it: so many rows above and below, so many columns left and right. */
  pad(x: T, zeros: Border): T;

  // ---------------------------------------------------------------- attention, on the grid [n, t] of a batch

  /**
   * Real tokens to the cells of the grid: [m, width] -> [n * t, width]. A pad cell holds some token's row and
   * must not influence the result: no gradient flows back from it.
   */
  toGrid(x: T, batch: PackedBatch<T>): T;
  /** Back to the real tokens: [n * t, width] -> [m, width]. What pad cells hold is lost. */
  toTokens(x: T, batch: PackedBatch<T>): T;
  /** Rows of the grid cut into heads, in parts: [n * t, sum(parts) * size] -> [n, part, t, size] each. */
  splitHeads(x: T, batch: PackedBatch<T>, parts: readonly number[], size: number): T[];
  /** [n, heads, t, size] -> [n * t, heads * size]. */
  mergeHeads(x: T, shape: HeadShape): T;
  /**
   * Rotary position embedding: x * cos + swap(x) * sin, where swap exchanges the halves of the last axis.
   *
   * @param x [n, heads, t, size].
   * @param cos [n, 1, t, size]; a constant, no gradient flows into it.
   * @param sin the same, negated in its first half: see llama.ts.
   */
  rotate(x: T, cos: T, sin: T): T;
  /**
   * softmax(q k^T / sqrt(size) + bias) v.
   *
   * @param q [n, heads, u, size]: u queries per sequence.
   * @param k [n, heads / groups, t, size]; each of its heads serves `groups` successive heads of q.
   * @param v like k.
   * @param bias broadcasts to [n, heads, u, t]; a constant, no gradient flows into it.
   * @returns [n, heads, u, size].
   */
  attention(q: T, k: T, v: T, bias: T, shape: HeadShape & { readonly groups: number }): T;
  /** Hides pad cells: 0 where the mask [n, t] is 1, else `unseen` -> [n, 1, 1, t]. */
  paddingBias(mask: T): T;
  /** Hides later tokens: 0 on and below the diagonal, else `unseen`; mask [n, t] -> [1, 1, t, t]. */
  causalBias(mask: T): T;

  // ---------------------------------------------------------------- to one number

  /** The mean of a vector. */
  mean(x: T): T;
  /** sum(w x) / sum(w) of vectors; the weights are constant and not all zero. */
  weightedMean(x: T, weights: T): T;
  /** mean over rows of -log softmax(logits)[target]: logits [k, classes], targets int32 [k]. */
  crossEntropy(logits: T, targets: T): T;
}

/** The bias of what must not be seen: e^unseen is exactly 0 in float32, next to any real score. */
export const unseen = -1e9;
