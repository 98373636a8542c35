// The interval stands where the difference is, has its sign, narrows by pairing, and follows from the seed.
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { pairedBootstrap } from '../../src/trainer/bootstrap.ts';

const noisy = (count: number, gain: number) => {
  const random = randomFor(5, 'figures');
  const b = Array.from({ length: count }, () => random.next());
  return { a: b.map((figure) => figure + gain + 0.2 * random.normal()), b };
};

describe('paired bootstrap', () => {
  it('agrees with the normal interval of the mean difference', () => {
    const { a, b } = noisy(200, 0.05);
    const differences = a.map((figure, i) => figure - b[i]!);
    const mean = differences.reduce((sum, d) => sum + d, 0) / 200;
    const error = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0)) / 200;
    const interval = pairedBootstrap(a, b, randomFor(1, 'bootstrap'));
    expect(interval.mean).toBeCloseTo(mean, 12);
    expect(interval.low).toBeCloseTo(mean - 1.96 * error, 2);
    expect(interval.high).toBeCloseTo(mean + 1.96 * error, 2);
  });

  it('is the difference itself where every query agrees, with the sign of a - b', () => {
    const interval = pairedBootstrap([0.5, 0.75, 1], [0.75, 1, 1.25], randomFor(1));
    expect(interval).toEqual({ mean: -0.25, low: -0.25, high: -0.25 });
  });

  it('pairs the figures: what makes a query hard cancels out', () => {
    const { a, b } = noisy(100, 0.1);
    const apart = pairedBootstrap(a, [...b].reverse(), randomFor(2));
    const paired = pairedBootstrap(a, b, randomFor(2));
    expect(paired.high - paired.low).toBeLessThan(0.7 * (apart.high - apart.low));
  });

  it('follows from the seed and narrows with the confidence', () => {
    const { a, b } = noisy(30, 0.1);
    expect(pairedBootstrap(a, b, randomFor(3))).toEqual(pairedBootstrap(a, b, randomFor(3)));
    const wide = pairedBootstrap(a, b, randomFor(3));
    const narrow = pairedBootstrap(a, b, randomFor(3), { resamples: 2000, confidence: 0.5 });
    expect(narrow.low).toBeGreaterThan(wide.low);
    expect(narrow.high).toBeLessThan(wide.high);
  });

  it('refuses what cannot be paired', () => {
    expect(() => pairedBootstrap([1], [1, 2], randomFor(1))).toThrow(/cannot pair 1 figures with 2/);
    expect(() => pairedBootstrap([], [], randomFor(1))).toThrow(/cannot pair/);
  });
});
