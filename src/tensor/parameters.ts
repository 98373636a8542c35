// The weights of a model: which there are and how they start.
import type { NamedTensor, Tensors } from '../contract.ts';
import { randomFor } from '../random.ts';

export interface ParameterSpec {
  /** As in Hugging Face's files; layouts too, so that weights come in and go out without a mapping. */
  readonly name: string;
  readonly shape: readonly number[];
  /** `normal`: the standard deviation, around 0. `uniform`: the bound, on both sides of 0. */
  readonly init: 'zeros' | 'ones' | { readonly normal: number } | { readonly uniform: number };
  /** Whether weight decay applies: not to biases and norms, whose size says nothing about complexity. */
  readonly decay: boolean;
}

/** Of BERT's and Llama's own initialisation. */
const deviation = 0.02;

/** A matrix of weights, [out, in], or a table of embeddings, [rows, width]. */
export const matrix = (name: string, ...shape: number[]): ParameterSpec => ({
  name,
  shape,
  init: { normal: deviation },
  decay: true,
});

export const bias = (name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  init: 'zeros',
  decay: false,
});

/** The factor of a norm. */
export const gain = (name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  init: 'ones',
  decay: false,
});

/** Values to start from. Each parameter's follow from the seed and its own name alone. */
export function initialize(specs: readonly ParameterSpec[], seed: number): Tensors {
  return new Map(specs.map((spec) => [spec.name, initial(spec, seed)]));
}

function initial({ name, shape, init }: ParameterSpec, seed: number): NamedTensor {
  const data = new Float32Array(elements(shape));
  if (init === 'ones') data.fill(1);
  else if (init !== 'zeros') {
    const random = randomFor(seed, 'init', name);
    const draw =
      'normal' in init ? () => init.normal * random.normal() : () => init.uniform * (2 * random.next() - 1);
    for (let i = 0; i < data.length; i++) data[i] = draw();
  }
  return { shape, data };
}

/** How many numbers a tensor of this shape holds. */
export const elements = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
