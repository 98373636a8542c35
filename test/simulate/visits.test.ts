// Visits come in order of time and number as asked; popularity is Zipf's; who finds the right thing stays.
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { clickModels } from '../../src/simulate/click-model.ts';
import { demand } from '../../src/simulate/demand.ts';
import { productionRanker } from '../../src/simulate/production.ts';
import { stockShop } from '../../src/simulate/shop.ts';
import { popularity, type VisitPlan, visits } from '../../src/simulate/visits.ts';

const products = stockShop({ seed: 1, products: 400 });
const queries = demand(products, { seed: 1, queries: 40, typoShare: 0 });
const plan: VisitPlan = {
  seed: 1,
  startMs: 1_000_000,
  endMs: 1_000_000 + 86_400_000,
  impressions: 3_001,
  users: 50,
  zipf: 1,
  model: clickModels.pbm,
};
const all = [...visits(plan, queries, productionRanker(products, { seed: 1 }))];
const pages = all.flatMap((visit) => visit.pages);

describe('popularity', () => {
  it('draws the r-th query in proportion to 1 / r^zipf', () => {
    const draw = popularity(queries.slice(0, 4), 1.5);
    const random = randomFor(2, 'draws');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[queries.indexOf(draw(random))]! += 1;
    const weights = [1, 2, 3, 4].map((r) => 1 / r ** 1.5);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    counts.forEach((count, i) => {
      const expected = (40_000 * weights[i]!) / sum;
      expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
    });
  });
});

describe('visits', () => {
  it('show exactly as many pages as planned, each with an id of its own', () => {
    expect(pages.length).toBe(3_001);
    expect(new Set(pages.map((page) => page.impressionId)).size).toBe(3_001);
    expect(new Set(all.map((visit) => visit.sessionId)).size).toBe(all.length);
    expect(new Set(all.map((visit) => visit.userId)).size).toBe(50);
  });

  it('begin in order of time, spread over the plan; what happens in one is in order too', () => {
    const starts = all.map((visit) => visit.pages[0]!.timeMs);
    expect([...starts].sort((a, b) => a - b)).toEqual(starts);
    expect(starts[0]).toBeGreaterThanOrEqual(plan.startMs);
    expect(starts.at(-1)).toBeLessThan(plan.endMs);
    const half = (plan.startMs + plan.endMs) / 2;
    expect(pages.filter((page) => page.timeMs < half).length / pages.length).toBeCloseTo(0.5, 1);
    for (const visit of all) {
      const moments = visit.pages.flatMap(({ timeMs, clicks }) => [timeMs, ...clicks.map((c) => c.timeMs)]);
      expect([...moments].sort((a, b) => a - b)).toEqual(moments);
    }
  });

  it('dwell the longer the better the result', () => {
    const dwell: number[][] = [[], [], [], []];
    for (const { query, products: shown, clicks } of pages) {
      for (const { position, dwellMs } of clicks) {
        const grade = query.grades[query.candidates.indexOf(shown[position - 1]!)]!;
        dwell[grade]!.push(dwellMs);
      }
    }
    const medians = dwell.map((times) => times.sort((a, b) => a - b)[times.length >> 1]!);
    [4_000, 8_000, 25_000, 60_000].forEach((expected, grade) => {
      expect(Math.abs(Math.log(medians[grade]! / expected))).toBeLessThan(0.3);
    });
  });
});
