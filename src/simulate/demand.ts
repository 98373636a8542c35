// What the shop's customers ask for, and how well each product answers: queries in the customers' words,
// the products that are candidates for each, and the true grades.
import { type Random, randomFor } from '../random.ts';
import { type FacetName, facetNames, type Product, pick } from './shop.ts';
import type { Value } from './words.ts';

export interface ShopQuery {
  readonly queryId: string;
  readonly text: string;
  /** What it asks for: the product's category and these of its facets. Grades compare with it. */
  readonly wish: Wish;
  /** Products that the shop's first stage finds: the ranker orders these. */
  readonly candidates: readonly Product[];
  /** `grades[i]` belongs to `candidates[i]`. */
  readonly grades: readonly number[];
}

export interface Wish {
  readonly like: Product;
  readonly facets: readonly FacetName[];
}

/** Candidates of a query, and how many of them may have each grade; the rest has grade 0. */
const candidatesMax = 24;
const candidatesByGrade = { 3: 8, 2: 4, 1: 4 } as const;

/** How many things a query asks for beside the category: one of these, each as likely. */
const facetCounts = [1, 1, 1, 2, 2] as const;

/** Share of words that are the merchant's own; the others are what customers say. */
const merchantShare = 0.2;
/** Of the irrelevant candidates, those of another category that have a thing asked for. */
const decoyShare = 0.7;
/** Share of queries that name a use instead of the category. */
const useShare = 0.2;

/**
 * Distinct queries: no two have the same words in another order, so a held-out query is a new combination.
 * Fewer than asked for where the shop has no more to offer.
 */
export function demand(
  products: readonly Product[],
  { seed, queries, typoShare }: { seed: number; queries: number; typoShare: number },
): ShopQuery[] {
  const random = randomFor(seed, 'queries');
  const seen = new Set<string>();
  const found: ShopQuery[] = [];
  for (let attempt = 0; found.length < queries && attempt < 20 * queries; attempt++) {
    const wish = {
      like: pick(products, random),
      facets: random.sample(facetNames, pick(facetCounts, random)),
    };
    const words = wording(wish, random);
    const key = [...words].sort().join(' ');
    if (seen.has(key)) continue;
    seen.add(key);
    const text = (random.next() < typoShare ? mistype(words, random) : words).join(' ');
    const candidates = find(products, wish, random);
    const grades = candidates.map((candidate) => gradeOf(wish, candidate));
    found.push({ queryId: `q${String(found.length + 1).padStart(4, '0')}`, text, wish, candidates, grades });
  }
  return found;
}

/** In the category asked for: 3, less one for each thing that is missing, but at least 1. Elsewhere: 0. */
export function gradeOf({ like, facets }: Wish, product: Product): number {
  if (product.category !== like.category) return 0;
  const missing = facets.filter((facet) => product.facets[facet] !== like.facets[facet]).length;
  return Math.max(1, 3 - missing);
}

function wording({ like, facets }: Wish, random: Random): string[] {
  const words = facets.map((facet) => nameOf(like.facets[facet], random));
  const { category } = like;
  const noun = random.next() < useShare ? pick(category.uses, random) : nameOf(category, random);
  return random.next() < 0.7 ? [...words, noun] : [noun, ...words];
}

const nameOf = ({ merchant, customers }: Value, random: Random): string =>
  customers.length === 0 || random.next() < merchantShare ? merchant : pick(customers, random);

/** Two neighbouring letters of one word change places. */
function mistype(words: readonly string[], random: Random): string[] {
  const at = random.below(words.length);
  return words.map((word, i) => {
    if (i !== at) return word;
    const cut = random.below(word.length - 1);
    return `${word.slice(0, cut)}${word[cut + 1]!}${word[cut]!}${word.slice(cut + 2)}`;
  });
}

/** A first stage with good recall and poor precision: some of each grade, and some that only sound alike. */
function find(products: readonly Product[], wish: Wish, random: Random): Product[] {
  const byGrade: Product[][] = [[], [], [], []];
  for (const product of random.shuffle([...products])) byGrade[gradeOf(wish, product)]!.push(product);
  const alike = (product: Product): boolean =>
    wish.facets.some((facet) => product.facets[facet] === wish.like.facets[facet]);
  const irrelevant = byGrade[0]!;
  const relevant = ([3, 2, 1] as const).flatMap((grade) =>
    byGrade[grade]!.slice(0, candidatesByGrade[grade]),
  );
  const room = candidatesMax - relevant.length;
  const decoys = irrelevant.filter(alike).slice(0, Math.ceil(decoyShare * room));
  const others = irrelevant.filter((product) => !decoys.includes(product)).slice(0, room - decoys.length);
  return random.shuffle([...relevant, ...decoys, ...others]);
}
