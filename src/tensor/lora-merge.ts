// An adapter's product added to the weights: a model without adapter that gives the same scores.
import type { NamedTensor, Tensors } from '../contract.ts';
import { type Adapter, nameOfA, nameOfB } from './lora.ts';

/**
 * W + scale * B A for every adapted module, added up in double precision; other weights as they are.
 *
 * @param base the model's weights.
 * @param trained the adapter's; a weight that the base has too takes its place.
 * @returns the names of the base.
 */
export function mergeAdapter(base: Tensors, trained: Tensors, { targets, scale }: Adapter): Tensors {
  return new Map(
    [...base].map(([name, weight]) => {
      const module = name.replace(/\.weight$/, '');
      if (!targets.has(module)) return [name, trained.get(name) ?? weight];
      return [name, merged(weight, trained.get(nameOfA(module))!, trained.get(nameOfB(module))!, scale)];
    }),
  );
}

/** weight [out, in], a [rank, in], b [out, rank]. */
function merged(weight: NamedTensor, a: NamedTensor, b: NamedTensor, scale: number): NamedTensor {
  const [outs, ins] = weight.shape as [number, number];
  const rank = a.shape[0]!;
  const data = new Float32Array(outs * ins);
  const row = new Float64Array(ins);
  for (let out = 0; out < outs; out++) {
    row.set(weight.data.subarray(out * ins, (out + 1) * ins));
    for (let r = 0; r < rank; r++) {
      const factor = scale * b.data[out * rank + r]!;
      for (let i = 0; i < ins; i++) row[i] = row[i]! + factor * a.data[r * ins + i]!;
    }
    data.set(row, out * ins);
  }
  return { shape: weight.shape, data };
}
