// Clicks as grades: only satisfied ones count; by inverse propensity a click weighs what it stands for.
import { describe, expect, it } from 'vitest';
import type { Group, GroupResult } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { clickQuality, shownScores } from '../../src/trainer/click-quality.ts';
import { groupOf } from '../support/groups.ts';

/** A page whose results have these propensities; `satisfied` and `clicked` by position from 1. */
function page(propensities: number[], satisfied: number[], clicked: number[] = satisfied): Group {
  const results: GroupResult[] = propensities.map((propensity, i) => ({
    documentId: `d${i}`,
    title: `title ${i}`,
    summary: '',
    position: i + 1,
    propensity,
    clicked: clicked.includes(i + 1),
    satisfied: satisfied.includes(i + 1),
  }));
  return groupOf(0, { results, holdout: true, pairs: [], preferences: [] });
}

describe('quality by clicks', () => {
  const group = page([1, 0.5, 0.25], [3], [1, 3]);

  it('grades satisfied clicks 1 and everything else 0', () => {
    expect(clickQuality([group], [shownScores(group)], 'page')).toMatchObject({
      queries: 1,
      mrr: 1 / 3,
      pnr: 0,
    });
    expect(clickQuality([group], [[0, 0, 1]], 'page')).toMatchObject({ ndcg10: 1, mrr: 1 });
  });

  it('leaves out a page without a satisfied click', () => {
    expect(clickQuality([page([1, 0.5], [], [1])], [[1, 0]], 'page')).toMatchObject({
      queries: 0,
      leftOut: 1,
    });
    expect(clickQuality([page([1, 0.5], [], [1])], [[1, 0]], 'inverse-propensity').queries).toBe(0);
  });

  it('weighs a click by the inverse of its propensity, against the results without one', () => {
    const two = page([1, 0.5, 0.25], [1, 3]);
    // The click at 1 weighs 1 and stands first of {1, 2}; the one at 3 weighs 4 and stands second of {2, 3}.
    const quality = clickQuality([two], [shownScores(two)], 'inverse-propensity');
    expect(quality.queries).toBe(2);
    expect(quality.mrr).toBeCloseTo((1 * 1 + 4 * (1 / 2)) / 5, 12);
    expect(quality.pnr).toBeCloseTo(1 / 4, 12);
  });

  it('undoes position bias: a ranker is not favoured for agreeing with the shown order', () => {
    // Every result is equally relevant, so no order is better; clicks follow the propensities.
    const propensities = [1, 0.6, 0.4, 0.3];
    const random = randomFor(9, 'pages');
    const groups = Array.from({ length: 20_000 }, () => {
      const place = random.below(4);
      return page(propensities, random.next() < propensities[place]! ? [place + 1] : []);
    });
    const shown = groups.map(shownScores);
    expect(clickQuality(groups, shown, 'page').pnr).toBeGreaterThan(1.5);
    expect(clickQuality(groups, shown, 'inverse-propensity').pnr).toBeCloseTo(1, 1);
  });

  it('refuses scores of another page', () => {
    expect(() => clickQuality([group], [[1]], 'page')).toThrow(/1 scores for 3 results/);
  });
});
