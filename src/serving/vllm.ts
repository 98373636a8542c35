// vLLM's scores: POST /score (vllm/entrypoints/pooling/scoring, 2026), and who it is: GET /v1/models.
//
//   {"text_1", "text_2"}, or queries and documents, queries and items, data_1 and data_2: a text or a list
//   -> {"data": [{"index", "object": "score", "score"}], "model", "usage", ...}, in the order of the request
//
// One text beside many is compared with each of them, many beside many one by one. Scores are logits unless
// use_activation is true: the configuration that restill exports tells vLLM the same.
import { z } from 'zod';
import {
  type Asked,
  asIs,
  type Dialect,
  Fault,
  generationIn,
  type Limits,
  pairsOf,
  refuseCrowd,
  requestOf,
  sigmoid,
} from './dialect.ts';
import type { ServedModel } from './ports.ts';

const texts = z.union([z.string(), z.array(z.string())], 'expected a text or a list of texts').nullish();

const request = z.object({
  model: z.string().nullish(),
  ...{ text_1: texts, text_2: texts, data_1: texts, data_2: texts },
  ...{ queries: texts, documents: texts, items: texts },
  use_activation: z.boolean().nullish(),
  truncate_prompt_tokens: z
    .literal(-1, 'only -1: texts are cut as in training, to the length that GET /v1/models tells')
    .nullish(),
});

type Body = z.infer<typeof request>;

function read(body: unknown, limits: Limits): Asked {
  refuseCrowd(body, limits);
  const asked = requestOf(request, body);
  const [queries, documents] = sidesOf(asked);
  const score = asked.use_activation ? sigmoid : asIs;
  return {
    pairs: pairsOf(queries, documents, limits),
    cut: true,
    generation: generationIn(asked.model),
    answer: ({ logits, generation, tokens }, { id, now }) => ({
      id,
      object: 'list',
      created: Math.floor(now / 1000),
      model: generation,
      data: Array.from(logits, (logit, index) => ({ index, object: 'score', score: score(logit) })),
      usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0 },
    }),
  };
}

/** Two lists that go together. */
function sidesOf(body: Body): [queries: string[], documents: string[]] {
  const [first, second] = [
    body.queries ?? body.data_1 ?? body.text_1,
    body.documents ?? body.items ?? body.data_2 ?? body.text_2,
  ];
  if (first == null || second == null)
    throw new Fault('unfit', 'expected text_1 and text_2, or queries and documents');
  const [queries, documents] = [[first].flat(), [second].flat()];
  if (queries.length === 0 || documents.length === 0)
    throw new Fault('empty', 'at least one text on each side');
  if (queries.length > 1 && queries.length !== documents.length)
    throw new Fault('unfit', `${queries.length} texts beside ${documents.length}: expected 1:1, 1:N or N:N`);
  return [queries, documents];
}

const errorNames: Readonly<Record<number, string>> = {
  401: 'AuthenticationError',
  404: 'NotFoundError',
  413: 'RequestEntityTooLargeError',
  429: 'RateLimitError',
  500: 'InternalServerError',
  503: 'ServiceUnavailableError',
};

export const vllm: Dialect = {
  name: 'vllm',
  read,
  status: { unfit: 400, 'too-much': 400 },
  faultBody: ({ message }, code) => ({
    error: { message, type: errorNames[code] ?? 'BadRequestError', param: null, code },
  }),
};

/** What GET /v1/models says: one model, whose id is the generation. */
export const vllmModels = (model: ServedModel | null): object => ({
  object: 'list',
  data: model
    ? [
        {
          id: model.generation,
          object: 'model',
          created: Math.floor(model.since / 1000),
          owned_by: 'restill',
          root: model.generation,
          parent: null,
          max_model_len: model.tokensMax,
          permission: [],
        },
      ]
    : [],
});
