// Folds: 1. Every query is tested once and trains in all other folds. 2. Every query is asked once where it
// trains. 3. A validation split lies inside the training queries. 4. Membership follows from the seed and the
// ids, whatever their order.
import { expect, it } from 'vitest';
import { foldCount, splitOf } from '../../../bench/quality/folds.ts';

const ids = Array.from({ length: 23 }, (_, i) => `q${i}`);
const folds = Array.from({ length: foldCount }, (_, fold) => fold);
const sorted = (set: ReadonlySet<string>): string[] => [...set].sort();

it('tests every query once, and trains on all others', () => {
  const splits = folds.map((fold) => splitOf(ids, { fold, validate: false, seed: 1 }));
  expect(splits.flatMap(({ unseen }) => [...unseen]).sort()).toEqual([...ids].sort());
  for (const { training, unseen } of splits) expect([...training, ...unseen].sort()).toEqual([...ids].sort());
});

it('asks every query once where it trains', () => {
  const splits = folds.map((fold) => splitOf(ids, { fold, validate: false, seed: 1 }));
  expect(splits.flatMap(({ seen }) => [...seen]).sort()).toEqual([...ids].sort());
  for (const { training, seen } of splits) for (const id of seen) expect(training).toContain(id);
});

it('validates inside the training queries', () => {
  for (const fold of folds) {
    const test = splitOf(ids, { fold, validate: false, seed: 1 });
    const inner = splitOf(ids, { fold, validate: true, seed: 1 });
    expect([...inner.training, ...inner.unseen].sort()).toEqual(sorted(test.training));
    expect(inner.unseen.size).toBeGreaterThan(0);
    expect(inner.seen.size).toBeGreaterThan(0);
    for (const id of inner.seen) expect(inner.training).toContain(id);
  }
});

it('does not depend on the order of the ids, but on the seed', () => {
  const split = (queryIds: string[], seed: number) => splitOf(queryIds, { fold: 2, validate: true, seed });
  expect(split([...ids].reverse(), 1)).toEqual(split(ids, 1));
  expect(split(ids, 2).unseen).not.toEqual(split(ids, 1).unseen);
});
