// The files beside the topic, as text, in the formats that `restill evaluate` reads.
import { clickModels } from './click-model.ts';
import type { SimulationOptions } from './options.ts';
import type { Shop, TopicTruth } from './topic.ts';

export const fileNames = {
  clicks: 'clicks.jsonl.gz',
  queries: 'queries.jsonl',
  documents: 'documents.jsonl',
  judgments: 'judgments.tsv',
  truth: 'truth.json',
} as const;

/** `query_id`, `query`. */
export const queriesText = ({ queries }: Shop): string =>
  queries.map(({ queryId, text }) => `${JSON.stringify({ query_id: queryId, query: text })}\n`).join('');

/** `doc_id`, `title`, `summary`, `brand`. */
export const documentsText = ({ products }: Shop): string =>
  products
    .map(({ documentId, title, summary, facets }) => {
      const row = { doc_id: documentId, title, summary, brand: facets.brand.merchant };
      return `${JSON.stringify(row)}\n`;
    })
    .join('');

/** A header, then `query_id`, `doc_id`, `grade` with tabs between for each candidate of each query. */
export const judgmentsText = ({ queries }: Shop): string =>
  [
    'query_id\tdoc_id\tgrade\n',
    ...queries.flatMap(({ queryId, candidates, grades }) =>
      candidates.map(({ documentId }, i) => `${queryId}\t${documentId}\t${grades[i]}\n`),
    ),
  ].join('');

/** Everything that is true of the topic and cannot be read off it. */
export function truthText(options: SimulationOptions, shop: Shop, truth: TopicTruth): string {
  const value = {
    version: 1,
    options,
    queries: shop.queries.length,
    documents: shop.products.length,
    clickModel: clickModels[options.clickModel],
    ...truth,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
