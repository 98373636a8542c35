// Invariants checked here:
// 1. The tables are those of the paper, by hand; linear scaling divides angles, Llama 3's does so for slow
//    pairs, not for fast ones, and gradually between (numbers of transformers 5.23.0 for Llama 3.2).
// 2. A frequency is never above the unscaled one nor below that divided by the factor, and falls from pair to
//    pair (property).
// 3. Both places of config.json are read; a kind or a key that we do not have, and a contradiction, are
//    refused by name.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ConfigReader } from '../../src/tensor/config-reader.ts';
import {
  type RopeScaling,
  ropeFromHuggingFace,
  ropeToHuggingFace,
  rotaryFrequencies,
  rotaryTables,
} from '../../src/tensor/rope.ts';

const plain = { ropeTheta: 100, ropeScaling: null };
const llama32: RopeScaling = {
  type: 'llama3',
  ...{ factor: 32, lowFrequency: 1, highFrequency: 4, originalPositions: 8192 },
};

test('tables by hand: sizes of 4, theta 100', () => {
  const { cos, sin } = rotaryTables({ ...plain, headSize: 4, positions: 3 });
  const at = (position: number, table: Float32Array) => [...table.subarray(4 * position, 4 * position + 4)];
  expect(at(0, cos)).toEqual([1, 1, 1, 1]);
  expect(at(0, sin)).toEqual([-0, -0, 0, 0]);
  // Angles of position 2: 2 / 100^0 and 2 / 100^(1/2).
  [Math.cos(2), Math.cos(0.2), Math.cos(2), Math.cos(0.2)].forEach((x, i) => {
    expect(at(2, cos)[i]).toBeCloseTo(x, 6);
  });
  [-Math.sin(2), -Math.sin(0.2), Math.sin(2), Math.sin(0.2)].forEach((x, i) => {
    expect(at(2, sin)[i]).toBeCloseTo(x, 6);
  });
});

describe('rotaryFrequencies', () => {
  it('linear: all divided by the factor', () => {
    const frequencies = rotaryFrequencies(4, { ropeTheta: 100, ropeScaling: { type: 'linear', factor: 4 } });
    expect(frequencies).toEqual([0.25, expect.closeTo(0.025, 12)]);
  });

  it("llama3: Llama 3.2's own", () => {
    const frequencies = rotaryFrequencies(64, { ropeTheta: 500_000, ropeScaling: llama32 });
    const expected: (readonly [number, number])[] = [
      ...([
        [0, 1],
        [1, 0.663601279258728],
        [13, 0.00483942124992609],
        [14, 0.0032114461064338684],
      ] as const),
      ...([
        [15, 0.0012905480107292533],
        [16, 0.000429556705057621],
        [17, 9.708286233944818e-5],
      ] as const),
      ...([
        [18, 1.9461638657958247e-5],
        [19, 1.291476746700937e-5],
        [31, 9.418306490260875e-8],
      ] as const),
    ];
    for (const [i, frequency] of expected) expect(frequencies[i]! / frequency).toBeCloseTo(1, 5);
  });

  it('llama3: between the divided and the plain one, and falling', () => {
    const scaling: fc.Arbitrary<RopeScaling> = fc
      .record({
        factor: fc.integer({ min: 1, max: 64 }),
        lowFrequency: fc.constantFrom(0.5, 1, 2),
        stretch: fc.constantFrom(1.5, 4, 8),
        originalPositions: fc.integer({ min: 1, max: 10_000 }),
      })
      .map(({ stretch, ...rest }) => ({
        type: 'llama3',
        ...rest,
        highFrequency: rest.lowFrequency * stretch,
      }));
    fc.assert(
      fc.property(scaling, fc.constantFrom(100, 10_000, 500_000), (ropeScaling, ropeTheta) => {
        const before = rotaryFrequencies(16, { ropeTheta, ropeScaling: null });
        const after = rotaryFrequencies(16, { ropeTheta, ropeScaling });
        after.forEach((frequency, i) => {
          expect(frequency).toBeLessThanOrEqual(before[i]! * (1 + 1e-12));
          expect(frequency).toBeGreaterThanOrEqual((before[i]! / ropeScaling.factor) * (1 - 1e-12));
          if (i > 0) expect(frequency).toBeLessThan(after[i - 1]!);
        });
      }),
    );
  });
});

describe('ropeFromHuggingFace', () => {
  const read = (json: object) => ropeFromHuggingFace(new ConfigReader(json));
  const llama3 = {
    ...{ rope_type: 'llama3', factor: 32, low_freq_factor: 1, high_freq_factor: 4 },
    original_max_position_embeddings: 8192,
  };

  it('reads scaling in the old and in the new place', () => {
    const expected = { ropeTheta: 500_000, ropeScaling: llama32 };
    expect(read({ rope_theta: 500_000, rope_scaling: llama3 })).toEqual(expected);
    expect(read({ rope_parameters: { ...llama3, rope_theta: 500_000 } })).toEqual(expected);
    expect(read({ rope_scaling: { type: 'linear', factor: 2 } })).toEqual({
      ropeTheta: 10_000,
      ropeScaling: { type: 'linear', factor: 2 },
    });
    expect(read({ rope_scaling: null, rope_parameters: { rope_theta: 5 } })).toEqual({
      ropeTheta: 5,
      ropeScaling: null,
    });
  });

  it('writes both places', () => {
    expect(ropeToHuggingFace({ ropeTheta: 500_000, ropeScaling: llama32 })).toEqual({
      ...{ rope_theta: 500_000, rope_scaling: llama3 },
      rope_parameters: { ...llama3, rope_theta: 500_000 },
    });
  });

  const refused: [string, object, string][] = [
    [
      'another kind',
      { rope_scaling: { rope_type: 'dynamic', factor: 2 } },
      'rope_scaling.rope_type is "dynamic"',
    ],
    ['its old name', { rope_scaling: { type: 'dynamic', factor: 2 } }, 'rope_scaling.type is "dynamic"'],
    ['yarn', { rope_parameters: { rope_type: 'yarn' } }, 'rope_parameters.rope_type is "yarn"'],
    [
      'two names that differ',
      { rope_scaling: { rope_type: 'linear', type: 'llama3', factor: 2 } },
      'rope_scaling.type is "llama3"',
    ],
    ['a key of another kind', { rope_scaling: { ...llama3, beta_fast: 32 } }, 'rope_scaling.beta_fast is 32'],
    ['a factor of none', { rope_parameters: { factor: 2 } }, 'rope_parameters.factor is 2'],
    ['part of the head', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    [
      'two bases',
      { rope_theta: 100_000, rope_parameters: { rope_theta: 5 } },
      'rope_theta is 100000; restill supports 5',
    ],
    [
      'two scalings',
      { rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_type: 'default' } },
      'rope_parameters is {"rope_type":"default"}; restill supports {"type":"linear","factor":2}',
    ],
    [
      'bands the wrong way round',
      { rope_scaling: { ...llama3, high_freq_factor: 1 } },
      'high_freq_factor is 1',
    ],
  ];
  it.each(refused)('refuses %s', (_, json, message) => {
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  it.each(['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'])(
    'names a missing %s',
    (key) => {
      const attempt = () => read({ rope_scaling: { ...llama3, [key]: undefined } });
      expect(attempt).toThrow(`rope_scaling.${key} is missing`);
      expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DAMAGED' }));
    },
  );
});
