// What the shop sells, in the merchant's words, and what its customers call it. The two meet in about every
// third query word: what lies between them is what a ranker can learn from clicks and BM25 cannot know. No
// word has two meanings.

/** One value of a facet. */
export interface Value {
  /** Stands in titles and summaries. */
  readonly merchant: string;
  /** What customers type as well; never in a title. Empty for brands. */
  readonly customers: readonly string[];
}

export interface Category extends Value {
  /** A query with one of these and no noun still means this category. */
  readonly uses: readonly string[];
}

/** Categories with the same customers, what their products are made of, and whom or what they fit. */
export interface Family {
  readonly categories: readonly Category[];
  readonly materials: readonly Value[];
  readonly fits: readonly Value[];
  /** Leads to the fit in texts: `for men`, `size large`. */
  readonly fitLead: string;
}

/** `merchant customer customer ...` */
function value(text: string): Value {
  const [merchant, ...customers] = text.split(' ');
  return { merchant: merchant!, customers };
}

/** `merchant customer customer | use use` */
function category(text: string): Category {
  const [names, uses] = text.split(' | ');
  return { ...value(names!), uses: uses!.split(' ') };
}

const leather = value('leather cowhide');
const cotton = value('cotton jersey');
const wool = value('wool merino');
const steel = value('steel metal');
const bamboo = value('bamboo wooden');
const ceramic = value('ceramic porcelain');

const wearers = ['men gents', 'women ladies', 'kids children'].map(value);
const sizes = ['small mini', 'medium regular', 'large big'].map(value);

export const families: readonly Family[] = [
  {
    categories: [
      'sneakers trainers kicks | jogging',
      'boots hikers bootees | trekking',
      'sandals flipflops slides | beach',
      'slippers houseshoes moccasins | lounging',
    ].map(category),
    materials: [leather, cotton, wool],
    fits: wearers,
    fitLead: 'for',
  },
  {
    categories: [
      'jacket coat parka | rainy',
      'sweater jumper pullover | winter',
      'shirt blouse buttondown | office',
      'trousers pants slacks | business',
    ].map(category),
    materials: [leather, cotton, wool],
    fits: wearers,
    fitLead: 'for',
  },
  {
    categories: [
      'kettle boiler teapot | tea',
      'skillet frypan griddle | searing',
      'grinder mill crusher | pepper',
      'bowl dish basin | salad',
    ].map(category),
    materials: [steel, bamboo, ceramic],
    fits: sizes,
    fitLead: 'size',
  },
];

export const colours: readonly Value[] = [
  'navy blue',
  'charcoal grey',
  'crimson red',
  'ivory white',
  'ebony black',
  'emerald green',
].map(value);

export const brands: readonly Value[] = ['norvik', 'altano', 'castora', 'dunmore', 'fjordal', 'halden'].map(
  value,
);

/** Names of product lines: fill titles and mean nothing. */
export const lines: readonly string[] =
  'aero nova terra luna prime pulse drift ridge haven vista crest ember orbit summit willow onyx'.split(' ');

/** What merchants say of everything: fills titles and summaries and means nothing. */
export const praise: readonly string[] = (
  'classic modern premium durable lightweight comfortable stylish quality versatile elegant practical ' +
  'robust timeless handmade certified popular soft smooth sturdy essential'
).split(' ');
