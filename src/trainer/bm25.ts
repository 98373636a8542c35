// BM25, the floor that every learnt ranker is shown beside. Robertson & Zaragoza, "The Probabilistic
// Relevance Framework: BM25 and Beyond" (2009), equation 3.15, with the inverse document frequency of
// Lucene's BM25Similarity: by its 1 + a word that most documents have does not count against them.
import type { Document } from '../contract.ts';

/** What of a document is indexed and scored. */
export type Bm25Field = 'title' | 'title+summary';

export interface Bm25Options {
  readonly field: Bm25Field;
  /** How soon repetitions of a word stop counting. */
  readonly k1: number;
  /** How much a long document pays for its length, in [0, 1]. */
  readonly b: number;
}

/** Robertson's customary constants, also Lucene's. */
const bm25Defaults: Bm25Options = { field: 'title', k1: 1.2, b: 0.75 };

export interface Bm25 {
  /** Documents in the collection, equal ones counted once. */
  readonly size: number;
  /**
   * Sum over the query's words of `idf tf (k1 + 1) / (tf + k1 (1 - b + b length / mean length))`, at least 0.
   * The document may stand outside of the collection; the statistics are always the collection's.
   */
  score(query: string, document: Document): number;
}

/** Statistics of a collection: document frequencies, mean length. In an empty one all words are as rare. */
export function indexBm25(collection: Iterable<Document>, options: Partial<Bm25Options> = {}): Bm25 {
  const { field, k1, b } = { ...bm25Defaults, ...options };
  const textOf = (d: Document): string => (field === 'title' ? d.title : `${d.title} ${d.summary}`);
  const bags = new Map<string, Bag>();
  const documentFrequency = new Map<string, number>();
  let lengths = 0;
  for (const document of collection) {
    const key = `${document.title}\u0000${document.summary}`;
    if (bags.has(key)) continue;
    const bag = bagOf(textOf(document));
    bags.set(key, bag);
    lengths += bag.length;
    for (const word of bag.counts.keys()) documentFrequency.set(word, (documentFrequency.get(word) ?? 0) + 1);
  }
  const size = bags.size;
  const meanLength = lengths / Math.max(1, size) || 1;
  const inverseFrequency = (word: string): number => {
    const n = documentFrequency.get(word) ?? 0;
    return Math.log(1 + (size - n + 0.5) / (n + 0.5));
  };
  const score = (query: string, document: Document): number => {
    const { counts, length } =
      bags.get(`${document.title}\u0000${document.summary}`) ?? bagOf(textOf(document));
    const damping = k1 * (1 - b + (b * length) / meanLength);
    let sum = 0;
    for (const word of words(query)) {
      const frequency = counts.get(word) ?? 0;
      if (frequency > 0) sum += (inverseFrequency(word) * frequency * (k1 + 1)) / (frequency + damping);
    }
    return sum;
  };
  return { size, score };
}

/** Lower-case runs of letters, marks and digits. No stemming: anybody can repeat this floor. */
export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];

interface Bag {
  readonly counts: ReadonlyMap<string, number>;
  readonly length: number;
}

function bagOf(text: string): Bag {
  const counts = new Map<string, number>();
  const all = words(text);
  for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
  return { counts, length: all.length };
}
