// Cohere's rerank, which Jina and others speak too: POST /v1/rerank and /v2/rerank.
//
//   {"query", "documents": [text | {"text"}], "top_n"?, "return_documents"?, "model"?}
//   -> {"results": [{"index", "relevance_score", "document"?}], ...}, best first; a sigmoid always
//
// The answer has what Cohere (id, meta) and Jina (object, model, usage) add. A `model` that is the name of a
// generation must be the live one; other names are not looked at. Texts are cut as in training, whatever
// max_tokens_per_doc and max_chunks_per_doc say.
import { z } from 'zod';
import {
  type Asked,
  type Dialect,
  Fault,
  generationIn,
  type Limits,
  pairsOf,
  places,
  refuseCrowd,
  requestOf,
  sigmoid,
} from './dialect.ts';

const request = z.object({
  model: z.string().nullish(),
  query: z.string(),
  documents: z.array(
    z.union([z.string(), z.object({ text: z.string() })], 'expected a text, or {"text": ...}'),
  ),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
});

const read =
  (apiVersion: '1' | '2') =>
  (body: unknown, limits: Limits): Asked => {
    refuseCrowd(body, limits);
    const {
      model,
      query,
      documents,
      top_n: topN,
      return_documents: withDocuments,
    } = requestOf(request, body);
    if (documents.length === 0) throw new Fault('empty', 'documents cannot be empty');
    const texts = documents.map((document) => (typeof document === 'string' ? document : document.text));
    return {
      pairs: pairsOf([query], texts, limits),
      cut: true,
      generation: generationIn(model),
      answer: ({ logits, generation, tokens }, { id }) => ({
        id,
        object: 'list',
        model: generation,
        results: places(logits, sigmoid)
          .slice(0, topN ?? texts.length)
          .map(({ index, score }) => ({
            index,
            relevance_score: score,
            ...(withDocuments ? { document: { text: texts[index]! } } : {}),
          })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
        meta: { api_version: { version: apiVersion }, billed_units: { search_units: 1 } },
      }),
    };
  };

const shared: Omit<Dialect, 'read'> = {
  name: 'cohere',
  status: {},
  faultBody: ({ message }) => ({ message }),
};

export const cohereV1: Dialect = { ...shared, read: read('1') };
export const cohereV2: Dialect = { ...shared, read: read('2') };
