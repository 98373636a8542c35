// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864): heads turn by an angle that grows with the
// position. How they are stretched to longer texts than the model first learnt on, and how a config.json says
// so: in `rope_theta` and `rope_scaling`, or in `rope_parameters` since transformers 5.
import type { ConfigReader } from './config-reader.ts';

export interface Rope {
  /** The base: a pair of numbers in a head turns the slower, the further back it stands. */
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
}

/** How angles are shrunk, so that longer texts stay within those that the model knows. */
export type RopeScaling =
  /** All of them alike. Chen et al. 2023, arXiv 2306.15595. */
  | { readonly type: 'linear'; readonly factor: number }
  /**
   * Of Llama 3.1: slow pairs, those that turn less than `lowFrequency` times in `originalPositions`, by
   * `factor`; fast ones, that turn more than `highFrequency` times, not at all; between them gradually.
   */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
      readonly originalPositions: number;
    };

/**
 * Cosines and sines of every position, each [positions, size], in Hugging Face's order: number i of a head
 * pairs with number i + size / 2, and both turn by position * frequency[i].
 *
 * A pair (a, b) turns to (a cos - b sin, b cos + a sin) = (a, b) cos + (b, a) (-sin, sin): the first half of
 * the sine table carries the minus.
 */
export function rotaryTables(o: Rope & { readonly positions: number; readonly headSize: number }): {
  cos: Float32Array;
  sin: Float32Array;
} {
  const { positions, headSize: size } = o;
  const frequencies = rotaryFrequencies(size, o);
  const cos = new Float32Array(positions * size);
  const sin = new Float32Array(positions * size);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < size; i++) {
      const angle = position * frequencies[i % (size / 2)]!;
      cos[position * size + i] = Math.cos(angle);
      sin[position * size + i] = (i < size / 2 ? -1 : 1) * Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Radians that each pair of a head turns per position -> [size / 2], falling from 1. */
export function rotaryFrequencies(size: number, { ropeTheta, ropeScaling }: Rope): number[] {
  return Array.from({ length: size / 2 }, (_, i) => scaled(ropeTheta ** ((-2 * i) / size), ropeScaling));
}

function scaled(frequency: number, scaling: RopeScaling | null): number {
  if (scaling === null) return frequency;
  if (scaling.type === 'linear') return frequency / scaling.factor;
  const { factor, lowFrequency, highFrequency, originalPositions } = scaling;
  const turns = (originalPositions * frequency) / (2 * Math.PI);
  const unscaledShare = Math.min(1, Math.max(0, (turns - lowFrequency) / (highFrequency - lowFrequency)));
  return frequency * (unscaledShare + (1 - unscaledShare) / factor);
}

// ---------------------------------------------------------------- config.json

/** The keys of a config.json, where old and where new versions of transformers look for them. */
export function ropeToHuggingFace({ ropeTheta, ropeScaling }: Rope): Readonly<Record<string, unknown>> {
  const scaling = ropeScaling && scalingToHuggingFace(ropeScaling);
  return {
    rope_theta: ropeTheta,
    rope_scaling: scaling,
    rope_parameters: { ...(scaling ?? { rope_type: 'default' }), rope_theta: ropeTheta },
  };
}

const scalingToHuggingFace = (scaling: RopeScaling): Readonly<Record<string, unknown>> =>
  scaling.type === 'linear'
    ? { rope_type: 'linear', factor: scaling.factor }
    : {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequency,
        high_freq_factor: scaling.highFrequency,
        original_max_position_embeddings: scaling.originalPositions,
      };

/**
 * @param from of the whole config.json.
 * @throws RestillError `MODEL_UNSUPPORTED` naming a kind of scaling or a key that we do not have, or two that
 *   contradict each other; `MODEL_DAMAGED` naming what is missing.
 */
export function ropeFromHuggingFace(from: ConfigReader): Rope {
  from.only('partial_rotary_factor', [1, null, undefined]);
  const places = ['rope_scaling', 'rope_parameters'].filter((key) => !from.absent(key));
  const scalings = places.map((key) => scalingFromHuggingFace(from.inside(key)));
  const [ropeScaling = null] = scalings;
  if (JSON.stringify(scalings.at(-1) ?? null) !== JSON.stringify(ropeScaling))
    throw from.unsupported('rope_parameters', [from.value('rope_scaling')]);
  const bases = [from, ...places.map((key) => from.inside(key))].filter((c) => !c.absent('rope_theta'));
  const [ropeTheta = 10_000, ...others] = bases.map((config) => config.positive('rope_theta'));
  const other = others.find((theta) => theta !== ropeTheta);
  if (other !== undefined) throw bases[0]!.unsupported('rope_theta', [other]);
  return { ropeTheta, ropeScaling };
}

const keysOf = {
  default: ['factor'],
  linear: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
} as const;

function scalingFromHuggingFace(rope: ConfigReader): RopeScaling | null {
  const key = rope.absent('rope_type') ? 'type' : 'rope_type'; // `type` until 2024, sometimes both
  rope.only(key, [...Object.keys(keysOf), undefined]);
  const type = (rope.value(key) ?? 'default') as keyof typeof keysOf;
  rope.only('type', [type, undefined]);
  rope.only('partial_rotary_factor', [1, null, undefined]);
  rope.noOthers(['rope_type', 'type', 'rope_theta', 'partial_rotary_factor', ...keysOf[type]]);
  if (type === 'default') {
    rope.only('factor', [1, null, undefined]);
    return null;
  }
  const factor = rope.positive('factor');
  if (type === 'linear') return { type, factor };
  const lowFrequency = rope.positive('low_freq_factor');
  const highFrequency = rope.positive('high_freq_factor');
  if (highFrequency <= lowFrequency) throw rope.unsupported('high_freq_factor', [`above ${lowFrequency}`]);
  const originalPositions = rope.count('original_max_position_embeddings');
  return { type, factor, lowFrequency, highFrequency, originalPositions };
}
