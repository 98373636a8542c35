// The invariants of comparison.ts: paired on the same labels, signed candidate minus live, rankings of one
// query are one unit, the same input gives the same interval. The expected intervals are those of the exact
// bootstrap distribution: all 6^6 = 46,656 resamples of six queries, enumerated by a few lines of Python.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PairedQuery } from '../../src/evidence.ts';
import { randomFor } from '../../src/random.ts';
import { compare, intervals } from '../../src/trainer/comparison.ts';
import type { EvaluationQuery } from '../../src/trainer/evaluation.ts';

type Figures = readonly [ndcg10: number, concordant: number, discordant: number];

const pairedQuery = (weight: number, candidate: Figures, live: Figures): PairedQuery => ({
  query: 'q',
  labels: 'l',
  weight,
  candidate: { ndcg10: candidate[0], concordant: candidate[1], discordant: candidate[2] },
  live: { ndcg10: live[0], concordant: live[1], discordant: live[2] },
});

const six = [
  pairedQuery(1, [0.9, 8, 2], [0.7, 6, 4]),
  pairedQuery(2, [0.5, 5, 5], [0.6, 6, 4]),
  pairedQuery(1, [0.8, 9, 1], [0.8, 8, 2]),
  pairedQuery(0.5, [0.3, 2, 8], [0.4, 4, 6]),
  pairedQuery(1, [1, 10, 0], [0.6, 7, 3]),
  pairedQuery(3, [0.75, 7, 3], [0.7, 5, 5]),
];

describe('intervals', () => {
  it.each([
    [0.95, [-0.0476190476, 0.2090909091], [-0.2629567166, 1.2124992693]],
    [0.9, [-0.0315789474, 0.1769230769], [-0.134824552, 1.0542185762]],
  ])('at %d are those of the exact distribution', (confidence, ndcg10, lnPnr) => {
    const found = intervals(six, randomFor(1, 'exact'), { resamples: 40_000, confidence });
    expect(found.ndcg10.mean).toBeCloseTo(0.0588235294, 9);
    expect(found.lnPnr.mean).toBeCloseTo(0.3566398186, 9);
    // The distribution has steps; a quantile of the sample may stand on the next one.
    expect(Math.abs(found.ndcg10.low - ndcg10[0]!)).toBeLessThan(0.004);
    expect(Math.abs(found.ndcg10.high - ndcg10[1]!)).toBeLessThan(0.004);
    expect(Math.abs(found.lnPnr.low - lnPnr[0]!)).toBeLessThan(0.02);
    expect(Math.abs(found.lnPnr.high - lnPnr[1]!)).toBeLessThan(0.02);
  });

  it('change their sign when the two students change places', () => {
    const settings = { resamples: 101, confidence: 0.9 };
    const swapped = six.map((query) => ({ ...query, candidate: query.live, live: query.candidate }));
    const one = intervals(six, randomFor(2), settings);
    const other = intervals(swapped, randomFor(2), settings);
    for (const figure of ['ndcg10', 'lnPnr'] as const) {
      expect(other[figure].mean).toBeCloseTo(-one[figure].mean, 12);
      expect(other[figure].low).toBeCloseTo(-one[figure].high, 12);
      expect(other[figure].high).toBeCloseTo(-one[figure].low, 12);
    }
  });

  it('never divide by zero: a student without one wrong pair', () => {
    const { lnPnr } = intervals([pairedQuery(1, [1, 4, 0], [1, 0, 4])], randomFor(3), {
      resamples: 100,
      confidence: 0.95,
    });
    expect(lnPnr).toEqual({ mean: Math.log(81), low: Math.log(81), high: Math.log(81) });
  });
});

const ranking = (unit: string, grades: number[], weight = 1): EvaluationQuery => ({
  query: `text of ${unit}`,
  documents: grades.map((_, i) => ({ title: `title ${i}`, summary: '' })),
  grades,
  shown: null,
  weight,
  unit,
});
const settings = { resamples: 200, confidence: 0.95 };
const scores = (candidate: number[], live: number[]) => ({
  candidate: Float32Array.from(candidate),
  live: Float32Array.from(live),
});

describe('compare', () => {
  it('measures both students on the same rankings', () => {
    const set = { on: 'clicks' as const, queries: [ranking('a', [1, 0]), ranking('b', [0, 1, 0], 3)] };
    // Candidate: both relevant ones on top. Live: `a` upside down, `b` with the relevant one in the middle.
    const found = compare(set, scores([2, 1, 0, 5, 1], [1, 2, 3, 2, 1]), randomFor(1), settings)!;
    const second = 1 / Math.log2(3);
    expect(found.queries.map(({ weight, candidate, live }) => ({ weight, candidate, live }))).toEqual([
      {
        weight: 1,
        candidate: { ndcg10: 1, concordant: 1, discordant: 0 },
        live: { ndcg10: second, concordant: 0, discordant: 1 },
      },
      {
        weight: 3,
        candidate: { ndcg10: 1, concordant: 6, discordant: 0 },
        live: { ndcg10: expect.closeTo(second, 12), concordant: 3, discordant: 3 },
      },
    ]);
    expect(found.ndcg10.mean).toBeCloseTo(1 - second, 12);
    expect(found.lnPnr.mean).toBeCloseTo(Math.log(7.5 / 0.5) - Math.log(3.5 / 4.5), 12);
  });

  it('takes the clicks of one query as one unit, however many there are', () => {
    const one = Array.from({ length: 50 }, () => ranking('same', [1, 0]));
    const right = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const mixed = Array.from({ length: 100 }, (_, i) => (i % 4 < 2 ? i % 2 : 1 - (i % 2)));
    const found = compare({ on: 'clicks', queries: one }, scores(right, mixed), randomFor(1), settings)!;
    expect(found.queries).toHaveLength(1);
    // One query cannot disagree with itself.
    expect(found.ndcg10.low).toBe(found.ndcg10.high);
  });

  it('tells by digest when the labels of a query have moved, and holds no text', () => {
    const digests = (...queries: EvaluationQuery[]) => {
      const none = new Array<number>(queries.reduce((sum, { grades }) => sum + grades.length, 0)).fill(0);
      return compare({ on: 'clicks', queries }, scores(none, none), randomFor(1), settings)!.queries[0]!;
    };
    const before = digests(ranking('a', [1, 0]));
    expect(digests(ranking('a', [1, 0]))).toEqual(before);
    expect(digests(ranking('a', [0, 1]))).toMatchObject({ query: before.query });
    expect(digests(ranking('a', [0, 1])).labels).not.toBe(before.labels);
    expect(digests(ranking('a', [1, 0]), ranking('a', [1, 0])).labels).not.toBe(before.labels);
    expect(JSON.stringify(before)).not.toContain('text of');
  });

  it('of identical students is zero and nothing else; of an empty set is null', () => {
    const row = fc.array(fc.float({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(row, fc.nat(), (values, seed) => {
        const queries = [
          ranking(
            'a',
            values.map((_, i) => (i === 0 ? 1 : 0)),
          ),
        ];
        const { ndcg10, lnPnr } = compare(
          { on: 'anchor', queries },
          scores(values, values),
          randomFor(seed),
          settings,
        )!;
        for (const value of [...Object.values(ndcg10), ...Object.values(lnPnr)]) expect(value).toBe(0);
      }),
      { numRuns: 20 },
    );
    expect(compare({ on: 'anchor', queries: [] }, scores([], []), randomFor(1), settings)).toBeNull();
  });

  it('refuses scores of another set', () => {
    const set = { on: 'clicks' as const, queries: [ranking('a', [1, 0])] };
    expect(() => compare(set, scores([1, 0, 0], [1, 0]), randomFor(1), settings)).toThrow(/3 and 2 scores/);
  });
});
