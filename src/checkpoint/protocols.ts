// How servers are asked for scores: the bodies of requests, and where the scores stand in the answers.
// Sources in docs/serving.md.
import { z } from 'zod';
import { RestillError } from '../errors.ts';
import type { GoldenVector } from './golden.ts';

export const protocols = ['tei', 'cohere', 'vllm', 'triton', 'tfserving'] as const;
export type Protocol = (typeof protocols)[number];

export interface Question {
  /** Below the server's address. */
  readonly path: string;
  readonly body: object;
  /** Indices of the golden vectors that it asks about. */
  readonly asks: readonly number[];
}

export interface Answer {
  /** In the order of `Question.asks`. */
  readonly scores: readonly number[];
  /** As the server names it; null where it does not. */
  readonly version: string | null;
}

/** What the scores of a protocol are when nothing else is said. */
export const usualScores: Readonly<Record<Protocol, 'raw' | 'sigmoid'>> = {
  tei: 'raw', // asked for
  cohere: 'sigmoid',
  vllm: 'raw', // asked for
  triton: 'raw',
  tfserving: 'raw',
};

/** Text Embeddings Inference scores at most 8 sequences of an ONNX model at a time. */
const askedMax = 8;

export function questions(protocol: Protocol, golden: readonly GoldenVector[], model: string): Question[] {
  const isOfTexts = protocol === 'tei' || protocol === 'cohere' || protocol === 'vllm';
  const groups = isOfTexts ? byQuery(golden) : [golden.map((_, i) => i)];
  return groups.flatMap((group) => pieces(group).map((asks) => ask(protocol, golden, asks, model)));
}

function ask(
  protocol: Protocol,
  golden: readonly GoldenVector[],
  asks: readonly number[],
  model: string,
): Question {
  const vectors = asks.map((i) => golden[i]!);
  const { query } = vectors[0]!;
  const documents = vectors.map(({ document }) => document);
  const name = encodeURIComponent(model);
  switch (protocol) {
    case 'tei':
      return { path: 'rerank', body: { query, texts: documents, raw_scores: true, truncate: true }, asks };
    case 'cohere':
      return { path: 'v1/rerank', body: { model, query, documents, top_n: documents.length }, asks };
    case 'vllm':
      return { path: 'score', body: { model, queries: query, documents, use_activation: false }, asks };
    case 'triton':
      return { path: `v2/models/${name}/infer`, body: tritonBody(vectors), asks };
    case 'tfserving':
      return { path: `v1/models/${name}:predict`, body: { instances: padded(vectors) }, asks };
  }
}

function tritonBody(vectors: readonly GoldenVector[]): object {
  const rows = padded(vectors);
  const shape = [rows.length, rows[0]!.input_ids.length];
  const inputs = (['input_ids', 'attention_mask', 'token_type_ids'] as const).map((name) => ({
    name,
    shape,
    datatype: 'INT64',
    data: rows.flatMap((row) => row[name]),
  }));
  return { inputs, outputs: [{ name: 'logits' }] };
}

function padded(vectors: readonly GoldenVector[]) {
  const longest = Math.max(...vectors.map(({ ids }) => ids.length));
  const fill = (values: readonly number[]) => [...values, ...Array<number>(longest - values.length).fill(0)];
  return vectors.map(({ ids, segments }) => ({
    input_ids: fill(ids),
    attention_mask: fill(ids.map(() => 1)),
    token_type_ids: fill(segments),
  }));
}

function byQuery(golden: readonly GoldenVector[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [i, { query }] of golden.entries()) groups.set(query, [...(groups.get(query) ?? []), i]);
  return [...groups.values()];
}

const pieces = (indices: readonly number[]): number[][] =>
  Array.from({ length: Math.ceil(indices.length / askedMax) }, (_, i) =>
    indices.slice(i * askedMax, (i + 1) * askedMax),
  );

// ---------------------------------------------------------------- answers

const scored = (key: string) => z.array(z.looseObject({ index: z.int(), [key]: z.number() }));

/** @throws RestillError `SERVER_UNSUITED` for an answer that is none of the protocol. */
export function readAnswer(protocol: Protocol, json: unknown, count: number): Answer {
  const answer = parsers[protocol].safeParse(json);
  if (!answer.success) throw unsuited(protocol, z.prettifyError(answer.error));
  const { scores, version } = answer.data;
  if (scores.length !== count || scores.some((score) => score === undefined))
    throw unsuited(protocol, `${scores.length} scores for ${count} documents`);
  return { scores: scores as number[], version };
}

interface Read {
  readonly scores: (number | undefined)[];
  readonly version: string | null;
}

/** Answers come sorted by score; each says which document it is about. */
const inOrder = (results: readonly Readonly<Record<string, unknown>>[], key: string): Read => {
  const scores: (number | undefined)[] = results.map(() => undefined);
  for (const result of results) scores[result.index as number] = result[key] as number;
  return { scores, version: null };
};

const parsers: Readonly<Record<Protocol, z.ZodType<Read>>> = {
  tei: scored('score').transform((results) => inOrder(results, 'score')),
  cohere: z
    .object({ results: scored('relevance_score') })
    .transform(({ results }) => inOrder(results, 'relevance_score')),
  vllm: z.object({ data: scored('score') }).transform(({ data }) => inOrder(data, 'score')),
  triton: z
    .object({
      model_version: z
        .string()
        .regex(/^\d{1,18}$/)
        .optional(),
      outputs: z.array(z.object({ data: z.array(z.number()) })),
    })
    .transform(({ outputs, model_version: version }) => ({
      scores: outputs[0]?.data ?? [],
      version: version ?? null,
    })),
  tfserving: z
    .object({ predictions: z.array(z.array(z.number()).length(1)) })
    .transform(({ predictions }) => ({ scores: predictions.flat(), version: null })),
};

const unsuited = (protocol: Protocol, found: string): RestillError =>
  new RestillError(
    'SERVER_UNSUITED',
    `the answer is not one of the protocol ${protocol}: ${printable(found)}; ` +
      'check the address and --protocol',
  );

/** What a stranger sends, for a terminal or a log: short, and nothing in it that moves a cursor. */
export const printable = (text: string): string => text.slice(0, 200).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
