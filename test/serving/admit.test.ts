// Invariants:
// - a student that reads and scores its golden texts as training did is proven, within float32's tolerance
// - other tokens, other segments, another logit, no number: refused, and the message says which text and what
// - without golden logits nothing is proven, but what is no number is refused all the same
import { expect, it } from 'vitest';
import { goldenTolerance, prove } from '../../src/serving/admit.ts';
import type { GoldenCase } from '../../src/serving/ports.ts';
import { plainEngine, plainGolden, plainStudent } from '../support/plain-student.ts';

const changed = (change: (golden: GoldenCase) => Partial<GoldenCase>): GoldenCase[] => {
  const [first, second] = plainGolden(1) as [GoldenCase, GoldenCase];
  return [first, { ...second, ...change(second) }];
};

it('proves a student that gives its golden logits', async () => {
  expect(await prove(plainStudent(1))).toBe(true);
  const nearly = changed(({ logit }) => ({ logit: logit * (1 + goldenTolerance / 2) }));
  expect(await prove(plainStudent(1, { golden: nearly }))).toBe(true);
});

it.each([
  [
    'is scored 1020, training computed',
    changed(({ logit }) => ({ logit: logit * (1 - 2 * goldenTolerance) })),
  ],
  ['is scored 1020, training computed -1020', changed(({ logit }) => ({ logit: -logit }))],
  ['other tokens', changed(({ ids }) => ({ ids: [...ids.slice(1), 2] }))],
  ['other tokens', changed(({ ids }) => ({ ids: ids.slice(1) }))],
  ['other segments', changed(({ segments }) => ({ segments: segments.map(() => 1) }))],
])('refuses one that %s', async (what, golden) => {
  const proof = prove(plainStudent(1, { golden }));
  await expect(proof).rejects.toMatchObject({ code: 'GENERATION_UNPROVEN' });
  await expect(proof).rejects.toThrow(what);
  await expect(proof).rejects.toThrow('golden query "a"');
});

it('proves nothing without golden logits, but refuses what is no number', async () => {
  expect(await prove(plainStudent(1, { golden: null }))).toBe(false);
  const engine = plainEngine(Number.NaN);
  await expect(prove(plainStudent(1, { golden: null, engine }))).rejects.toThrow('is scored NaN');
});
