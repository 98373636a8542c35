// Invariants 1 to 4 of quality.ts, and the figures themselves against values worked out by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import {
  type JudgedRanking,
  ndcg,
  pairOrder,
  randomFloor,
  rankQuality,
  reciprocalRank,
} from '../../src/trainer/quality.ts';

/** Grades by rank: the first one has the highest score. */
const ranked = (...grades: number[]): JudgedRanking => ({ grades, scores: grades.map((_, i) => -i) });

const tied = (...grades: number[]): JudgedRanking => ({ grades, scores: grades.map(() => 7) });

describe('nDCG', () => {
  it('is what the definition says', () => {
    // Gains 1, 7, 0, 3 at discounts 1, 1/log2(3), 1/2, 1/log2(5); best order 7, 3, 1, 0.
    const dcg = 1 + 7 / Math.log2(3) + 0 + 3 / Math.log2(5);
    const best = 7 + 3 / Math.log2(3) + 1 / 2;
    expect(ndcg(ranked(1, 3, 0, 2), 10)).toBeCloseTo(dcg / best, 12);
    expect(ndcg(ranked(1, 3, 0, 2), 10)).toBeCloseTo(0.714222, 6);
  });

  it('looks at the first k, in the ranking and in the best order alike', () => {
    expect(ndcg(ranked(0, 0, 3), 2)).toBe(0);
    expect(ndcg(ranked(1, 1, 1, 0), 2)).toBe(1);
    expect(ndcg(ranked(0, 1, 1, 1), 2)).toBeCloseTo(1 / Math.log2(3) / (1 + 1 / Math.log2(3)), 12);
  });

  it('gives each document of a tie the mean gain of the tie', () => {
    // Two orders, equally likely: gain 1 first or second.
    expect(ndcg(tied(0, 1), 10)).toBeCloseTo((1 + 1 / Math.log2(3)) / 2, 12);
    // The tie of ranks 2 and 3 is cut by k = 2: rank 2 holds gain 3 or 0.
    const cut = { grades: [1, 2, 0], scores: [5, 4, 4] };
    expect(ndcg(cut, 2)).toBeCloseTo((1 + 1.5 / Math.log2(3)) / (3 + 1 / Math.log2(3)), 12);
  });

  it('refuses a query without a relevant document and scores that are no numbers', () => {
    expect(() => ndcg(ranked(0, 0), 10)).toThrow(/without a relevant document/);
    expect(() => ndcg({ grades: [1, 0], scores: [Number.NaN, 0] }, 10)).toThrow(/finite/);
    expect(() => ndcg({ grades: [1, 0], scores: [1] }, 10)).toThrow(/1 scores for 2 grades/);
  });
});

describe('reciprocal rank', () => {
  it('is that of the first document of the best grade', () => {
    expect(reciprocalRank(ranked(2, 2, 3, 0, 3))).toBeCloseTo(1 / 3, 12);
    expect(reciprocalRank(ranked(1, 0))).toBe(1);
  });

  it('is the mean over the orders of a tie', () => {
    // One hit among three: ranks 1, 2, 3 equally likely.
    expect(reciprocalRank(tied(0, 1, 0))).toBeCloseTo((1 + 1 / 2 + 1 / 3) / 3, 12);
    // Two hits among three after one miss: first hit at rank 2 (2/3) or 3 (1/3).
    const late = { grades: [0, 1, 0, 1], scores: [9, 1, 1, 1] };
    expect(reciprocalRank(late)).toBeCloseTo((2 / 3) * (1 / 2) + (1 / 3) * (1 / 3), 12);
  });
});

describe('pair order', () => {
  it('counts pairs of different grade, a tie as half of each', () => {
    // Pairs by grade: (3,1) wrong, (3,0) right, (1,0) tied; the two documents of grade 0 are no pair.
    expect(pairOrder({ grades: [3, 1, 0], scores: [2, 5, 1] })).toEqual({ concordant: 2, discordant: 1 });
    expect(pairOrder({ grades: [1, 0, 0], scores: [4, 4, 3] })).toEqual({ concordant: 1.5, discordant: 0.5 });
  });
});

describe('quality of a ranker', () => {
  it('averages over queries, pools the pairs, leaves out and counts what cannot be measured', () => {
    const quality = rankQuality([ranked(1, 0), ranked(0, 0, 1), ranked(0, 0), ranked()]);
    expect(quality).toEqual({
      queries: 2,
      leftOut: 2,
      ndcg5: (1 + 1 / 2) / 2,
      ndcg10: (1 + 1 / 2) / 2,
      pnr: 1 / 2,
      mrr: (1 + 1 / 3) / 2,
    });
  });

  it('stays a finite number where nothing is discordant, and where nothing is measured', () => {
    expect(rankQuality([ranked(2, 1, 0)]).pnr).toBe(3 / 0.5);
    expect(rankQuality([])).toEqual({ queries: 0, leftOut: 0, ndcg5: 0, ndcg10: 0, pnr: 0, mrr: 0 });
  });

  it('counts a query by its weight', () => {
    const once = ranked(1, 0);
    const twice = ranked(0, 1, 0);
    const weighted = rankQuality([once, { ...twice, weight: 2 }]);
    expect(weighted).toEqual({ ...rankQuality([once, twice, twice]), queries: 2 });
  });

  it('has the mean over seeded shuffles as its random floor', () => {
    const rankings = [ranked(3, 2, 0, 0, 1, 0, 3), ranked(1, 0, 0, 0), ranked(2, 2, 0)];
    const random = randomFor(11, 'floor');
    const shuffles = Array.from({ length: 4000 }, () =>
      rankQuality(rankings.map((r) => ({ ...r, scores: r.grades.map(() => random.next()) }))),
    );
    const floor = randomFloor(rankings);
    const mean = (key: 'ndcg5' | 'ndcg10' | 'mrr') => shuffles.reduce((sum, q) => sum + q[key], 0) / 4000;
    for (const key of ['ndcg5', 'ndcg10', 'mrr'] as const) expect(mean(key)).toBeCloseTo(floor[key], 2);
    expect(floor.pnr).toBe(1);
  });
});

const arbitraryRanking = fc
  .array(fc.record({ grade: fc.integer({ min: 0, max: 3 }), score: fc.integer({ min: -5, max: 5 }) }), {
    minLength: 1,
    maxLength: 15,
  })
  .map((rows) => ({ grades: rows.map((r) => r.grade), scores: rows.map((r) => r.score) }));

describe('properties', () => {
  it('counts scores by their order only', () => {
    fc.assert(
      fc.property(arbitraryRanking, ({ grades, scores }) => {
        const stretched = scores.map((s) => Math.exp(s) * 1000 - 3);
        expect(rankQuality([{ grades, scores: stretched }])).toEqual(rankQuality([{ grades, scores }]));
      }),
    );
  });

  it('does not depend on the order in which documents are listed', () => {
    fc.assert(
      fc.property(arbitraryRanking, fc.nat(), ({ grades, scores }, seed) => {
        const order = randomFor(seed).shuffle(grades.map((_, i) => i));
        const shuffled = { grades: order.map((i) => grades[i]!), scores: order.map((i) => scores[i]!) };
        const [a, b] = [rankQuality([{ grades, scores }]), rankQuality([shuffled])];
        for (const key of ['ndcg5', 'ndcg10', 'pnr', 'mrr'] as const) expect(a[key]).toBeCloseTo(b[key], 9);
      }),
    );
  });

  it('is 1 for a perfect order and never gains by swapping a concordant pair of neighbours', () => {
    const bySwap = fc.tuple(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 12 }),
      fc.nat(),
    );
    fc.assert(
      fc.property(bySwap, ([grades, place]) => {
        fc.pre(grades.some((grade) => grade > 0));
        const perfect = rankQuality([{ grades, scores: grades }]);
        expect([perfect.ndcg5, perfect.ndcg10, perfect.mrr]).toEqual([1, 1, 1]);
        const at = place % (grades.length - 1);
        fc.pre(grades[at]! > grades[at + 1]!);
        const swapped = [...grades];
        [swapped[at], swapped[at + 1]] = [grades[at + 1]!, grades[at]!];
        const [before, after] = [rankQuality([ranked(...grades)]), rankQuality([ranked(...swapped)])];
        for (const key of ['ndcg5', 'ndcg10', 'mrr'] as const)
          expect(after[key]).toBeLessThanOrEqual(before[key] + 1e-12);
        expect(after.pnr).toBeLessThan(before.pnr);
      }),
    );
  });
});
