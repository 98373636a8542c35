// All that a product is can be read off its text, in the merchant's words only; no word has two meanings.
import { describe, expect, it } from 'vitest';
import { facetNames, stockShop } from '../../src/simulate/shop.ts';
import { brands, colours, families, lines, praise, type Value } from '../../src/simulate/words.ts';

const products = stockShop({ seed: 1, products: 800 });
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g)!;

const categories = families.flatMap((family) => family.categories);
const materials = [...new Set(families.flatMap((family) => family.materials))];
const fits = [...new Set(families.flatMap((family) => family.fits))];
const values: Value[] = [...categories, ...materials, ...fits, ...colours, ...brands];

describe('the words', () => {
  it('have one meaning each', () => {
    const uses = categories.flatMap((category) => category.uses);
    const all = [...values.flatMap((v) => [v.merchant, ...v.customers]), ...uses, ...lines, ...praise];
    const twice = all.filter((word, i) => all.indexOf(word) !== i);
    expect(twice).toEqual([]);
    expect(all.every((word) => /^[a-z]{3,}$/.test(word))).toBe(true);
  });

  it('give customers a word of their own for everything but brands', () => {
    for (const { merchant, customers } of values)
      expect(customers.length > 0, merchant).toBe(!brands.some((brand) => brand.merchant === merchant));
  });
});

describe('the products', () => {
  it('say all they are, in 5 to 8 words of title and 9 to 14 of summary', () => {
    for (const { title, summary, category, facets } of products) {
      expect(wordsOf(title).length).toBeGreaterThanOrEqual(5);
      expect(wordsOf(title).length).toBeLessThanOrEqual(8);
      expect(wordsOf(summary).length).toBeGreaterThanOrEqual(9);
      expect(wordsOf(summary).length).toBeLessThanOrEqual(14);
      const text = new Set(wordsOf(`${title} ${summary}`));
      for (const facet of facetNames) expect(text, title).toContain(facets[facet].merchant);
      expect(wordsOf(title), title).toContain(category.merchant);
    }
  });

  it('never use the words of customers', () => {
    const texts = new Set(products.flatMap(({ title, summary }) => wordsOf(`${title} ${summary}`)));
    expect(values.flatMap((v) => v.customers).filter((word) => texts.has(word))).toEqual([]);
  });

  it('are made of what their family is made of, follow from the seed, and have ids of their own', () => {
    for (const { family, facets, category } of products) {
      expect(families[family]!.categories).toContain(category);
      expect(families[family]!.materials).toContain(facets.material);
      expect(families[family]!.fits).toContain(facets.fit);
    }
    expect(new Set(products.map((product) => product.documentId)).size).toBe(800);
    expect(stockShop({ seed: 1, products: 50 })).toEqual(products.slice(0, 50));
    expect(stockShop({ seed: 2, products: 50 })).not.toEqual(products.slice(0, 50));
  });
});
