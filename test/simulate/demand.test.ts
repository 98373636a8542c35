// Grades by hand; queries are new combinations of known words; the floors leave room on both sides.
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { demand, gradeOf, type ShopQuery } from '../../src/simulate/demand.ts';
import { defaults } from '../../src/simulate/options.ts';
import { productionRanker } from '../../src/simulate/production.ts';
import { type FacetName, type Product, stockShop } from '../../src/simulate/shop.ts';
import { indexBm25 } from '../../src/trainer/bm25.ts';
import { randomFloor, rankQuality } from '../../src/trainer/quality.ts';

const products = stockShop(defaults);
const queries = demand(products, defaults);

describe('grades', () => {
  const like = products[0]!;
  const other = (facet: FacetName) =>
    products.find((product) => product.facets[facet] !== like.facets[facet])!.facets[facet];
  /** The same product with other values of some facets. */
  const unlike = (...facets: FacetName[]): Product => ({
    ...like,
    facets: { ...like.facets, ...Object.fromEntries(facets.map((facet) => [facet, other(facet)])) },
  });
  const elsewhere = products.find((product) => product.category !== like.category)!;

  it.each<[string, FacetName[], Product, number]>([
    ['all that was asked for', ['colour', 'brand'], unlike('fit', 'material'), 3],
    ['all but one of two', ['colour', 'brand'], unlike('brand'), 2],
    ['all but one of three', ['colour', 'brand', 'fit'], unlike('fit'), 2],
    ['one of three', ['colour', 'brand', 'fit'], unlike('fit', 'colour'), 1],
    ['none of two', ['colour', 'brand'], unlike('brand', 'colour'), 1],
    ['not the only thing asked for', ['colour'], unlike('colour'), 2],
    ['none of three', ['colour', 'brand', 'fit'], unlike('colour', 'brand', 'fit'), 1],
    ['everything, but another category', ['colour', 'fit'], { ...like, category: elsewhere.category }, 0],
  ])('are right for %s', (_, facets, product, grade) => {
    expect(gradeOf({ like, facets }, product)).toBe(grade);
  });
});

describe('queries', () => {
  it('are as many as asked for, no two with the same words', () => {
    expect(queries.length).toBe(defaults.queries);
    expect(new Set(queries.map(({ text }) => text.split(' ').sort().join(' '))).size).toBe(queries.length);
    expect(new Set(queries.map(({ queryId }) => queryId)).size).toBe(queries.length);
  });

  it('are new combinations of known words: each word is in other queries too', () => {
    const frequency = new Map<string, number>();
    for (const word of queries.flatMap(({ text }) => text.split(' ')))
      frequency.set(word, (frequency.get(word) ?? 0) + 1);
    const known = queries.filter(({ text }) => text.split(' ').every((word) => frequency.get(word)! >= 3));
    expect(known.length / queries.length).toBeGreaterThan(0.97);
  });

  it('have candidates of every kind, graded, in no order, at least one as wished for', () => {
    for (const { candidates, grades, wish } of queries) {
      expect(new Set(candidates).size).toBe(24);
      expect(grades).toEqual(candidates.map((candidate) => gradeOf(wish, candidate)));
      expect(Math.max(...grades)).toBe(3);
      expect(Math.min(...grades)).toBe(0);
    }
    const meanFirst = queries.reduce((sum, { grades }) => sum + grades[0]!, 0) / queries.length;
    const mean = queries.reduce((sum, { grades }) => sum + grades.reduce((s, g) => s + g, 0) / 24, 0);
    expect(Math.abs(meanFirst - mean / queries.length)).toBeLessThan(0.25);
  });

  it('follow from the seed', () => {
    expect(demand(products, defaults)).toEqual(queries);
    expect(demand(products, { ...defaults, seed: 2 }).map(({ text }) => text)).not.toEqual(
      queries.map(({ text }) => text),
    );
  });

  it('mistype one word by two letters where asked to', () => {
    const mistyped = demand(products, { ...defaults, typoShare: 1 });
    const vocabulary = new Set(queries.flatMap(({ text }) => text.split(' ')));
    const unknown = mistyped.map(({ text }) => text.split(' ').filter((word) => !vocabulary.has(word)));
    expect(unknown.every((words) => words.length <= 1)).toBe(true);
    expect(unknown.filter((words) => words.length === 1).length).toBeGreaterThan(0.8 * mistyped.length);
  });
});

describe('the default shop', () => {
  const measure = (scores: (query: ShopQuery) => readonly number[]) =>
    rankQuality(queries.map((query) => ({ grades: query.grades, scores: scores(query) })));

  it('leaves BM25 well between random and perfect, and the production ranker below it', () => {
    const random = randomFloor(queries.map(({ grades }) => ({ grades, scores: [] })));
    const bm25 = indexBm25(products);
    const lexical = measure(({ text, candidates }) => candidates.map((d) => bm25.score(text, d)));
    const ranker = productionRanker(products, defaults);
    const chance = randomFor(1, 'pages');
    const shown = measure((query) => {
      const order = ranker.rank(query, chance);
      return query.candidates.map((_, i) => -order.indexOf(i));
    });
    const perfect = measure(({ grades }) => grades);
    expect(random.ndcg10).toBeGreaterThan(0.4);
    expect(shown.ndcg10).toBeGreaterThan(random.ndcg10 + 0.1);
    expect(lexical.ndcg10).toBeGreaterThan(shown.ndcg10 + 0.01);
    expect(lexical.ndcg10).toBeGreaterThan(0.6);
    expect(lexical.ndcg10).toBeLessThan(0.7);
    expect(lexical.pnr).toBeGreaterThan(1.5);
    expect(lexical.pnr).toBeLessThan(2.5);
    expect(perfect.ndcg10).toBe(1);
  });
});
