// Attention's ops as graph nodes, with their gradients: the second half of graph-ops.ts.
// n sequences, t cells each; both are unknown until the run and read off the mask [n, t].
import type { Output } from './graph.ts';
import type { Dimension, Nodes } from './graph-nodes.ts';
import { type HeadShape, unseen } from './ops.ts';
import type { PackedBatch } from './packing.ts';
import type { Tape } from './tape.ts';

interface Recorder {
  readonly nodes: Nodes;
  readonly tape: Tape;
}

/** [m, width] -> [n * t, width]. Pads influence nothing, so nothing flows back from them. */
export function toGrid({ nodes, tape }: Recorder, x: Output, { grid, cells }: PackedBatch<Output>): Output {
  const tokens = nodes.reshape(grid, [-1], 'int32'); // [n * t]
  return tape.record(nodes.gather(x, tokens), [x, (dy) => nodes.gather(dy, cells)]);
}

/** [n * t, width] -> [m, width]. */
export function toTokens({ nodes, tape }: Recorder, x: Output, batch: PackedBatch<Output>): Output {
  const tokens = nodes.reshape(batch.grid, [-1], 'int32'); // [n * t]
  const real = nodes.reshape(batch.mask, [-1, 1]); // [n * t, 1]
  return tape.record(nodes.gather(x, batch.cells), [x, (dy) => nodes.mul(nodes.gather(dy, tokens), real)]);
}

/** [n * t, sum(parts) * size] -> [n, part, t, size] each. */
export function splitHeads(
  { nodes, tape }: Recorder,
  x: Output,
  { mask }: PackedBatch<Output>,
  parts: readonly number[],
  size: number,
): Output[] {
  const [n, t] = nodes.dimensions(mask, 2);
  const heads = parts.reduce((sum, part) => sum + part, 0);
  // [n, t, heads, size] -> [n * t, heads * size]
  const rows = (y: Output) => nodes.reshape(y, [-1, heads * size]);
  if (parts.length > 1 && parts.every((part) => part === parts[0])) {
    // Parts of one size: the part becomes the first axis, along which cutting copies nothing.
    const count = parts.length;
    const cut = nodes.reshape(x, [n!, t!, count, parts[0]!, size]);
    const outputs = nodes.unpack(nodes.transpose(cut, [2, 0, 3, 1, 4]), count);
    tape.recordMany(outputs, [x, (...dys) => rows(nodes.transpose(nodes.pack(dys), [1, 3, 0, 2, 4]))]);
    return outputs;
  }
  const cut = nodes.reshape(x, [n!, t!, heads, size]);
  const turned = nodes.transpose(cut, [0, 2, 1, 3]); // [n, heads, t, size]
  const outputs = parts.length === 1 ? [turned] : nodes.splitSizes(turned, parts, 1);
  const whole = (dys: Output[]) => (dys.length === 1 ? dys[0]! : nodes.concat(dys, 1));
  tape.recordMany(outputs, [x, (...dys) => rows(nodes.transpose(whole(dys), [0, 2, 1, 3]))]);
  return outputs;
}

/** [n, heads, t, size] -> [n * t, heads * size]. */
export function mergeHeads({ nodes, tape }: Recorder, x: Output, { heads, size }: HeadShape): Output {
  const turned = nodes.transpose(x, [0, 2, 1, 3]); // [n, t, heads, size]
  return tape.record(nodes.reshape(turned, [-1, heads * size]), [
    x,
    (dy) => nodes.transpose(nodes.reshape(dy, nodes.shapeOf(turned)), [0, 2, 1, 3]),
  ]);
}

/** x * cos + swap(x) * sin. Swapping twice changes nothing, so the swap is its own gradient. */
export function rotate({ nodes, tape }: Recorder, x: Output, cos: Output, sin: Output): Output {
  const swap = (y: Output) => nodes.concat(nodes.split(y, 2, 3).toReversed(), 3);
  return tape.record(nodes.add(nodes.mul(x, cos), nodes.mul(swap(x), sin)), [
    x,
    (dy) => nodes.add(nodes.mul(dy, cos), swap(nodes.mul(dy, sin))),
  ]);
}

/**
 * softmax(q k^T / sqrt(size) + bias) v: q [n, heads, u, size], k and v [n, heads / groups, t, size].
 *
 * Heads that share keys stand one below the other in the products: [n, heads, u, *] is there
 * [n, heads / groups, groups * u, *].
 */
export function attention(
  { nodes, tape }: Recorder,
  [q, k, v]: readonly [Output, Output, Output],
  bias: Output,
  { heads, size, groups }: HeadShape & { groups: number },
): Output {
  const [n, , u] = nodes.dimensions(q, 4);
  const shared = heads / groups;
  const fold = (x: Output, width: Dimension): Output =>
    groups === 1 ? x : nodes.reshape(x, [n!, shared, nodes.intProduct(groups, u!), width]);
  const unfold = (x: Output, width: Dimension): Output =>
    groups === 1 ? x : nodes.reshape(x, [n!, heads, u!, width]);

  const scale = 1 / Math.sqrt(size);
  const queries = fold(nodes.mul(q, scale), size);
  const scores = unfold(nodes.batchMatMul(queries, k, { b: true }), -1); // [n, heads, u, t]
  const weights = fold(nodes.op('Softmax', [nodes.add(scores, bias)]), -1); // [n, shared, groups * u, t]
  const y = unfold(nodes.batchMatMul(weights, v), size); // [n, heads, u, size]

  const dScores = (dy: Output) => {
    const dWeights = nodes.batchMatMul(fold(dy, size), v, { b: true });
    // Softmax's gradient is p (dp - sum(p dp)), and the sum over t of p dp is the product of dy and y.
    const mean = fold(nodes.sumLast(nodes.mul(dy, y)), 1);
    return nodes.mul(nodes.sub(dWeights, mean), weights);
  };
  return tape.record(
    y,
    [q, (dy) => nodes.mul(unfold(nodes.batchMatMul(dScores(dy), k), size), scale)],
    [k, (dy) => nodes.batchMatMul(dScores(dy), queries, { a: true })],
    [v, (dy) => nodes.batchMatMul(weights, fold(dy, size), { a: true })],
  );
}

/** [n, t] -> [n, 1, 1, t]. */
export function paddingBias({ nodes }: Recorder, mask: Output): Output {
  const [n, t] = nodes.dimensions(mask, 2);
  const absent = nodes.sub(nodes.graph.float(1), mask);
  return nodes.reshape(nodes.mul(absent, unseen), [n!, 1, 1, t!]);
}

/** [n, t] -> [1, 1, t, t]. */
export function causalBias({ nodes }: Recorder, mask: Output): Output {
  const t = nodes.dimensions(mask, 2)[1]!;
  const one = nodes.graph.float(1);
  const later = nodes.sub(one, nodes.lowerTriangle(nodes.fill([t, t], one)));
  return nodes.reshape(nodes.mul(later, unseen), [1, 1, t, t]);
}
