// More to distil on than pages show. A teacher grades any query with any document, and clicks on a hundred
// queries show a student little of the language: so pages may get documents of other queries, and titles
// may ask for themselves (as Lee et al. 2019, arXiv 1906.00300, learn retrieval from sentences that ask for
// their paragraphs). Nothing here carries a click, so only distillation sees it.
import type { Group, GroupResult } from '../../src/contract.ts';
import { type Random, randomFor } from '../../src/random.ts';
import { words } from '../../src/trainer/bm25.ts';

export interface Unlabelled {
  /** Documents of other queries that each page is given. */
  readonly random: number;
  /** Made-up queries, each with a page of its own. */
  readonly pseudo: number;
}

/** Documents of the pages, each once, in the order of their first page. */
function documentsOf(groups: readonly Group[]): GroupResult[] {
  const documents = new Map<string, GroupResult>();
  for (const { results } of groups)
    for (const result of results)
      if (!documents.has(result.documentId))
        documents.set(result.documentId, { ...result, propensity: 1, clicked: false, satisfied: false });
  return [...documents.values()];
}

/** A query's pages share a pool of this many times what each is given: grades cost teacher time. */
const poolFactor = 4;

/** Pages with documents of other queries behind their own. `groups` are those that train. */
export function withStrangers(groups: readonly Group[], count: number, seed: number): Group[] {
  if (count === 0) return [...groups];
  const documents = documentsOf(groups);
  const own = new Map<string, Set<string>>();
  for (const { queryKey, results } of groups) {
    const ids = own.get(queryKey) ?? new Set();
    for (const { documentId } of results) ids.add(documentId);
    own.set(queryKey, ids);
  }
  const pools = new Map(
    [...own].map(([key, ids]) => {
      const others = documents.filter(({ documentId }) => !ids.has(documentId));
      return [key, randomFor(seed, 'strangers', key).sample(others, poolFactor * count)] as const;
    }),
  );
  return groups.map((group) => {
    const strangers = randomFor(seed, 'stranger', group.sequence).sample(pools.get(group.queryKey)!, count);
    return { ...group, results: [...group.results, ...strangers] };
  });
}

/** On a made-up page beside the document that asks: those that share most words with the query, and any. */
const lookalikes = 3;
const bystanders = 2;

/** Pages of queries that are a few words of a title on the pages given. */
export function pseudoPages(groups: readonly Group[], count: number, seed: number): Group[] {
  const documents = documentsOf(groups).map((result) => {
    const inOrder = words(result.title);
    return { result, inOrder, set: new Set(inOrder) };
  });
  const askers = randomFor(seed, 'askers').sample(
    documents.filter(({ inOrder }) => inOrder.length >= spanMin),
    count,
  );
  return askers.map((asker, i) => {
    const random = randomFor(seed, 'pseudo', asker.result.documentId);
    const span = spanOf(asker.inOrder, random);
    const others = random
      .shuffle(documents.filter((document) => document !== asker))
      .map((document) => ({ document, shared: span.filter((word) => document.set.has(word)).length }));
    // The order of equals is random, for sorting keeps it.
    const byShared = others.toSorted((a, b) => b.shared - a.shared);
    const alike = byShared.slice(0, lookalikes);
    const any = random.sample(byShared.slice(lookalikes), bystanders);
    return page(
      span.join(' '),
      [asker, ...[...alike, ...any].map(({ document }) => document)].map(({ result }) => result),
      i,
    );
  });
}

const spanMin = 2;
const spanMax = 6;
/** What a product is stands in front; sizes and colours come last. */
const frontWords = 14;

function spanOf(title: readonly string[], random: Random): string[] {
  const front = title.slice(0, frontWords);
  const length = Math.min(front.length, spanMin + random.below(spanMax - spanMin + 1));
  const from = random.below(front.length - length + 1);
  return front.slice(from, from + length);
}

const page = (query: string, results: readonly GroupResult[], number: number): Group => ({
  ...{ sequence: number, impressionId: `pseudo-${number}`, timeMs: 0, newestMs: 0 },
  ...{ query, queryKey: `pseudo-${number}`, holdout: false, results, pairs: [], preferences: [] },
  corrects: null,
  origin: { topic: 'pseudo', partition: 0, offset: number },
});
