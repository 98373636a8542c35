// The same labels give the same stream on every machine; different labels give unrelated ones.
import { describe, expect, it } from 'vitest';
import { hash32, hashHex, hashUnit } from '../src/hash.ts';
import { randomFor } from '../src/random.ts';

describe('randomness', () => {
  it('is pinned: a change here changes every trained model', () => {
    const random = randomFor(1, 'distill', 17);
    expect([random.next(), random.next(), random.below(1000)]).toMatchInlineSnapshot(`
      [
        0.8899894515052438,
        0.4168795922305435,
        328,
      ]
    `);
    expect(hashHex('restill')).toMatchInlineSnapshot(`"66d1cace6cd187ae"`);
    expect(hash32('restill', 7)).toMatchInlineSnapshot(`3496856871`);
  });

  it('differs by label and by seed, and labels do not run together', () => {
    const first = (...labels: (string | number)[]): number => randomFor(1, ...labels).next();
    const values = [first('a'), first('b'), first('a', 1), first('a1'), randomFor(2, 'a').next()];
    expect(new Set(values).size).toBe(values.length);
  });

  it('is uniform and normal enough to train with', () => {
    const random = randomFor(3);
    const draws = Array.from({ length: 20_000 }, () => random.next());
    expect(draws.reduce((a, b) => a + b) / draws.length).toBeCloseTo(0.5, 2);
    const normals = Array.from({ length: 20_000 }, () => random.normal());
    expect(normals.reduce((a, b) => a + b) / normals.length).toBeCloseTo(0, 1);
    expect(normals.reduce((a, b) => a + b * b) / normals.length).toBeCloseTo(1, 1);
  });

  it('samples without repetition and shuffles without loss', () => {
    const items = [1, 2, 3, 4, 5, 6, 7];
    const sample = randomFor(4).sample(items, 4);
    expect(new Set(sample).size).toBe(4);
    expect(
      randomFor(4)
        .sample(items, 99)
        .sort((a, b) => a - b),
    ).toEqual(items);
  });

  it('hashes to the unit interval by seed', () => {
    expect(hashUnit('q', 1)).not.toBe(hashUnit('q', 2));
    expect(hashUnit('q', 1)).toBeLessThan(1);
  });
});
