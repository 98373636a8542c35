// The ranker that the shop has in production: matching words weighted by their rarity, a push for products
// that the merchant likes, and a little chance on every page. It knows no synonyms, so it can be beaten.
import { type Random, randomFor } from '../random.ts';
import type { ShopQuery } from './demand.ts';
import type { Product } from './shop.ts';

export interface ProductionRanker {
  /** Indices of a query's candidates, best first. Chance differs from page to page. */
  rank(query: ShopQuery, random: Random): number[];
}

/** Standard deviations, in units of `log(products / products with the word)`. */
const pushSpread = 1;
const chanceSpread = 1;

export function productionRanker(products: readonly Product[], { seed }: { seed: number }): ProductionRanker {
  const bags = new Map(products.map((product) => [product, bagOf(product)]));
  const frequency = new Map<string, number>();
  for (const bag of bags.values())
    for (const word of bag) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const pushes = randomFor(seed, 'production');
  const push = new Map(products.map((product) => [product, pushSpread * pushes.normal()]));

  const score = (words: readonly string[], product: Product): number => {
    const hits = words.filter((word) => bags.get(product)!.has(word));
    const rarity = hits.reduce((sum, word) => sum + Math.log(products.length / frequency.get(word)!), 0);
    return rarity + push.get(product)!;
  };
  const known = new Map<ShopQuery, number[]>();
  const scoresOf = (query: ShopQuery): number[] => {
    const words = query.text.split(' ');
    const scores = known.get(query) ?? query.candidates.map((product) => score(words, product));
    known.set(query, scores);
    return scores;
  };
  return {
    rank(query, random) {
      const scores = scoresOf(query).map((value) => value + chanceSpread * random.normal());
      return scores.map((_, i) => i).sort((i, j) => scores[j]! - scores[i]!);
    },
  };
}

const bagOf = ({ title, summary }: Product): ReadonlySet<string> =>
  new Set(`${title} ${summary}`.toLowerCase().match(/[a-z]+/g));
