// Promise 7, membership: a function of query, seed and share; the share is kept; a larger one is a superset.
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { isHoldout } from '../../src/streams/holdout.ts';

const queries = Array.from({ length: 20_000 }, (_, i) => `query ${i}`);
const held = (seed: number, share: number) => {
  const config = parseConfig({ seed, holdout: { share } });
  return new Set(queries.filter((query) => isHoldout(query, config)));
};

test('about the share of the queries is held out: within four standard deviations', () => {
  // sqrt(20,000 x 0.1 x 0.9) = 42.4
  for (const seed of [1, 2, 3]) expect(Math.abs(held(seed, 0.1).size - 2000)).toBeLessThan(4 * 42.4);
  expect(held(1, 0).size).toBe(0);
  expect(held(1, 1).size).toBe(20_000);
});

test('the same seed gives the same queries, another seed others', () => {
  expect(held(1, 0.1)).toEqual(held(1, 0.1));
  const other = held(2, 0.1);
  const both = [...held(1, 0.1)].filter((query) => other.has(query)).length;
  expect(both).toBeLessThan(300); // 200 expected by chance
});

test('a larger share holds out a superset', () => {
  const large = held(1, 0.2);
  expect([...held(1, 0.1)].every((query) => large.has(query))).toBe(true);
});
