// Invariants:
// - a value times its scale is the weight, to half a step of its row
// - the largest weight of a row becomes the largest value, 0 stays 0, a row of zeros too
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quantizeRows } from '../../src/checkpoint/onnx-int8.ts';

it('quantizes by row', () => {
  const data = Float32Array.of(1, -0.5, 0.25, 0, 0, 0, -3, 1.5, 0.02);
  const { values, scales } = quantizeRows({ shape: [3, 3], data }, 64);
  expect([...values]).toEqual([64, -32, 16, 0, 0, 0, -64, 32, 0]);
  expect([...scales]).toEqual([1 / 64, 1, 3 / 64].map(Math.fround));
});

it.each([64, 127] as const)('loses half a step at most, up to %i', (most) => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -4, max: 4 }), { minLength: 6, maxLength: 6 }), (w) => {
      const data = Float32Array.from(w);
      const { values, scales } = quantizeRows({ shape: [2, 3], data }, most);
      values.forEach((value, i) => {
        const scale = scales[Math.floor(i / 3)]!;
        expect(Math.abs(value)).toBeLessThanOrEqual(most);
        // Numbers so small that a step of them is no normal float32 have no precision to lose.
        expect(Math.abs(value * scale - data[i]!)).toBeLessThanOrEqual(0.5001 * scale + 1e-37);
      });
    }),
  );
});
