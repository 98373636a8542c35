// The products of the synthetic shop: what each one is, and the merchant's text for it. Every property can
// be read off the title or the summary, in the merchant's words only.
import { type Random, randomFor } from '../random.ts';
import { brands, type Category, colours, families, lines, praise, type Value } from './words.ts';

/** Properties that a query can ask for beside the category. */
export type FacetName = 'colour' | 'material' | 'brand' | 'fit';

export const facetNames: readonly FacetName[] = ['colour', 'material', 'brand', 'fit'];

export interface Product {
  readonly documentId: string;
  readonly title: string;
  readonly summary: string;
  readonly category: Category;
  /** Index into `families`. */
  readonly family: number;
  readonly facets: Readonly<Record<FacetName, Value>>;
}

export function stockShop({ seed, products }: { seed: number; products: number }): Product[] {
  const random = randomFor(seed, 'products');
  return Array.from({ length: products }, (_, i) => product(`p${String(i + 1).padStart(6, '0')}`, random));
}

/** One of the items, each with the same chance. */
export const pick = <T>(items: readonly T[], random: Random): T => items[random.below(items.length)]!;

function product(documentId: string, random: Random): Product {
  const family = random.below(families.length);
  const { categories, materials, fits, fitLead: lead } = families[family]!;
  const category = pick(categories, random);
  const facets = {
    colour: pick(colours, random),
    material: pick(materials, random),
    brand: pick(brands, random),
    fit: pick(fits, random),
  };
  // The title leaves out one facet at times; then the summary names it.
  const untold = random.next() < 0.5 ? pick(['colour', 'material', 'fit'] as const, random) : null;
  return {
    documentId,
    title: title({ category, facets, untold, lead }, random),
    summary: summary({ category, facets, untold, lead }, random),
    category,
    family,
    facets,
  };
}

interface Draft {
  readonly category: Category;
  readonly facets: Product['facets'];
  /** The facet that the title leaves out. */
  readonly untold: FacetName | null;
  /** See `Family.fitLead`. */
  readonly lead: string;
}

/** 5 to 8 words, for example `Norvik Aero navy leather sneakers for men`. */
function title({ category, facets, untold, lead }: Draft, random: Random): string {
  const told = (facet: FacetName): string[] => (facet === untold ? [] : [facets[facet].merchant]);
  const words = [
    capital(facets.brand.merchant),
    capital(pick(lines, random)),
    ...(random.next() < 0.4 ? [pick(praise, random)] : []),
    ...told('colour'),
    ...told('material'),
    category.merchant,
    ...(untold === 'fit' ? [] : [lead, facets.fit.merchant]),
  ];
  return words.join(' ');
}

/** 9 to 14 words, for example `Soft durable sneakers from Norvik made of leather in navy for jogging.` */
function summary({ category, facets, untold, lead }: Draft, random: Random): string {
  const phrases = {
    material: `made of ${facets.material.merchant}`,
    colour: `in ${facets.colour.merchant}`,
    fit: `${lead} ${facets.fit.merchant}`,
  };
  const names = ['material', 'colour', 'fit'] as const;
  const left =
    random.next() < 0.5
      ? pick(
          names.filter((name) => name !== untold),
          random,
        )
      : null;
  const told = names.filter((name) => name !== left).map((name) => phrases[name]);
  const use = random.next() < 0.2 ? [`for ${pick(category.uses, random)}`] : [];
  const [first, second] = random.sample(praise, 2);
  const words = [capital(first!), second!, category.merchant, 'from', capital(facets.brand.merchant)];
  return `${[...words, ...told, ...use].join(' ')}.`;
}

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
