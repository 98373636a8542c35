// Text Embeddings Inference by Hugging Face: POST /rerank, as its router has it (router/src/http, 1.7).
//
//   {"query", "texts": [...], "raw_scores"?, "return_text"?, "truncate"?, "truncation_direction"?}
//   -> [{"index", "score", "text"?}, ...], best first; a sigmoid unless raw_scores
//
// Said otherwise here: what is too long is cut unless truncate is false, as with its --auto-truncate.
import { z } from 'zod';
import {
  type Asked,
  asIs,
  type Dialect,
  Fault,
  type FaultKind,
  type Limits,
  pairsOf,
  places,
  refuseCrowd,
  requestOf,
  sigmoid,
} from './dialect.ts';
import type { ServedModel } from './ports.ts';

const request = z.object({
  query: z.string(),
  texts: z.array(z.string()),
  raw_scores: z.boolean().nullish(),
  return_text: z.boolean().nullish(),
  truncate: z.boolean().nullish(),
  truncation_direction: z
    .enum(['right', 'Right'], 'only "right": the student was trained on the beginnings of documents')
    .nullish(),
});

function read(body: unknown, limits: Limits): Asked {
  refuseCrowd(body, limits);
  const { query, texts, raw_scores: raw, return_text: withText, truncate } = requestOf(request, body);
  if (texts.length === 0) throw new Fault('empty', '`texts` cannot be empty');
  return {
    pairs: pairsOf([query], texts, limits),
    cut: truncate !== false,
    generation: null,
    answer: ({ logits }) =>
      places(logits, raw ? asIs : sigmoid).map(({ index, score }) =>
        withText ? { index, text: texts[index]!, score } : { index, score },
      ),
  };
}

const errorTypes: Readonly<Record<FaultKind, string>> = {
  malformed: 'validation',
  unfit: 'validation',
  empty: 'empty',
  'too-much': 'validation',
  'too-large': 'validation',
  unsupported: 'validation',
  unauthorized: 'unauthorized',
  unknown: 'not_found',
  busy: 'overloaded',
  unready: 'unhealthy',
  late: 'overloaded',
  failed: 'backend',
};

export const tei: Dialect = {
  name: 'tei',
  read,
  status: { failed: 424 },
  faultBody: ({ kind, message }) => ({ error: message, error_type: errorTypes[kind] }),
};

/** What GET /info says. */
export const teiInfo = (model: ServedModel, { documentsMax }: Limits, version: string): object => ({
  model_id: model.generation,
  model_sha: model.weightsSha256,
  model_dtype: 'float32',
  model_type: { reranker: { id2label: { '0': 'LABEL_0' }, label2id: { LABEL_0: 0 } } },
  max_input_length: model.tokensMax,
  max_client_batch_size: documentsMax,
  auto_truncate: true,
  version,
});
