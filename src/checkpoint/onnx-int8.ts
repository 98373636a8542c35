// Weights in 8 bits: w = scale * q, one scale for each row (an output of a linear layer, a word of a table).
import type { NamedTensor, Tensors } from '../contract.ts';

export interface QuantizedRows {
  /** [rows, columns], in -most..most. */
  readonly values: Int8Array;
  /** [rows]; never 0. */
  readonly scales: Float32Array;
  readonly shape: readonly number[];
}

/**
 * Symmetric: 0 stays 0, and the largest weight of a row becomes `most`. Half a step of rounding is the most
 * that is lost.
 *
 * @param most 127 where values are only looked up. 64 where they are multiplied: processors without VNNI add
 *   two products of a weight and an activation (0 to 255) in 16 bits, and 2 * 255 * 64 just fits. With 127
 *   the same file would give other scores on another processor.
 */
export function quantizeRows({ shape, data }: NamedTensor, most: 64 | 127): QuantizedRows {
  const rows = shape[0]!;
  const columns = data.length / rows;
  const values = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const weights = data.subarray(from, from + columns);
    const largest = weights.reduce((max, weight) => Math.max(max, Math.abs(weight)), 0);
    const scale = Math.fround(largest > 0 ? largest / most : 1);
    scales[row] = scale;
    weights.forEach((weight, i) => {
      values[from + i] = Math.max(-most, Math.min(most, Math.round(weight / scale)));
    });
  }
  return { values, scales, shape };
}

/** All weights as 8 bits leave them: the matrices of linear layers, and the table of words. */
export function dequantized(weights: Tensors): Tensors {
  return new Map(
    [...weights].map(([name, tensor]) => {
      if (tensor.shape.length !== 2 || /(position|token_type)_embeddings/.test(name)) return [name, tensor];
      const { values, scales } = quantizeRows(tensor, name.includes('word_embeddings') ? 127 : 64);
      const columns = tensor.shape[1]!;
      const data = Float32Array.from(values, (value, i) => value * scales[Math.floor(i / columns)]!);
      return [name, { shape: tensor.shape, data }];
    }),
  );
}
