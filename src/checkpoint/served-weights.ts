// A student's weights as servers and exports hold them.
import type { Tensors } from '../contract.ts';

/**
 * The weights that a server is given. A student that was trained without segments has read type 0 alone, and
 * servers may send 1 for the document all the same: all types get the row that was trained.
 */
export function servedWeights(weights: Tensors, segments: 'bert' | 'none'): Tensors {
  if (segments === 'bert') return weights;
  const name = 'bert.embeddings.token_type_embeddings.weight';
  const { shape, data } = weights.get(name)!;
  const [rows, width] = shape as [number, number];
  const first = data.subarray(0, width);
  const same = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) same.set(first, row * width);
  return new Map([...weights, [name, { shape, data: same }]]);
}
