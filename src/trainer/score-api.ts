// What a scoring server is asked and what it answers, for the two that are spoken to:
// - vLLM: POST /score. `text_1` and `text_2` are the names that every version takes; `use_activation: false`
//   asks for logits, which older versions do not know: they give probabilities. -1: cut to the model's
//   length.
// - Text Embeddings Inference: POST /rerank, answered best first.
// An answer has a finite score for each document, once; anything else is refused as a whole.
import { z } from 'zod';

interface ScoreApi {
  /** Path that says which model is served. */
  readonly identity: string;
  /** The model's id out of the answer; null for an answer that is none. */
  readonly modelOf: (answer: unknown) => string | null;
  readonly path: string;
  readonly body: (query: string, documents: readonly string[], model: string) => object;
  /** In the order of the documents; null for an answer that is none. */
  readonly scoresOf: (answer: unknown, count: number) => Float32Array | null;
}

const entries = z.array(z.object({ index: z.int().min(0), score: z.number() }));
const scored = z.object({ data: entries });
const models = z.object({ data: z.array(z.object({ id: z.string().min(1) })).min(1) });
const info = z.object({ model_id: z.string().min(1), model_sha: z.string().nullish() });

const vllm: ScoreApi = {
  identity: '/v1/models',
  modelOf: (answer) => models.safeParse(answer).data?.data[0]?.id ?? null,
  path: '/score',
  body: (query, documents, model) => ({
    model,
    text_1: query,
    text_2: documents,
    use_activation: false,
    truncate_prompt_tokens: -1,
  }),
  scoresOf: (answer, count) => inOrder(scored.safeParse(answer).data?.data, count),
};

const tei: ScoreApi = {
  identity: '/info',
  modelOf: (answer) => {
    const { data } = info.safeParse(answer);
    return data ? [data.model_id, data.model_sha].filter(Boolean).join('@') : null;
  },
  path: '/rerank',
  body: (query, documents) => ({
    query,
    texts: documents,
    raw_scores: true,
    return_text: false,
    truncate: true,
  }),
  scoresOf: (answer, count) => inOrder(entries.safeParse(answer).data, count),
};

export const scoreApis: Readonly<Record<'vllm' | 'tei', ScoreApi>> = { vllm, tei };

function inOrder(found: z.output<typeof entries> | undefined, count: number): Float32Array | null {
  if (found?.length !== count) return null;
  const scores = new Float32Array(count).fill(Number.NaN);
  for (const { index, score } of found) if (index < count) scores[index] = score;
  // A double beyond float32 would be infinite; one that was given twice has left another out.
  return scores.every(Number.isFinite) ? scores : null;
}
