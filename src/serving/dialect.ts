// What the protocols have in common. A request comes to pairs that are to be scored and a way to answer; what
// goes wrong is a fault of some kind, which each protocol says in its own words.
import type { z } from 'zod';
import type { QueryDocument, Ranked } from './ports.ts';

/** A protocol that clients speak. */
export interface Dialect {
  readonly name: 'tei' | 'cohere' | 'vllm';
  /** @throws Fault `unfit`, `empty`, `too-much`. */
  read(body: unknown, limits: Limits): Asked;
  /** Where it differs from `usualStatus`. */
  readonly status: Partial<Readonly<Record<FaultKind, number>>>;
  faultBody(fault: Fault, status: number): object;
}

export interface Limits {
  /** Pairs of a request. */
  readonly documentsMax: number;
  /** Of a query or a document, in UTF-16 code units. */
  readonly textMax: number;
}

export interface Asked {
  /** At least one. */
  readonly pairs: readonly QueryDocument[];
  /** False: a pair that is too long is refused instead. */
  readonly cut: boolean;
  /** The only one that may answer, as the client named it; null: whichever is live. */
  readonly generation: string | null;
  /** The body of the answer. */
  readonly answer: (ranked: Ranked, about: AnswerAbout) => object;
}

export interface AnswerAbout {
  /** Of the request, unique in this process. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type FaultKind =
  | 'malformed' // no JSON
  | 'unfit' // JSON, but no request of the protocol
  | 'empty' // nothing to score
  | 'too-much' // more documents or longer texts than are taken
  | 'too-large' // a body of more bytes than are read
  | 'unsupported' // another media type
  | 'unauthorized'
  | 'unknown' // no such path, or no such generation
  | 'busy' // come again
  | 'unready' // nothing can answer yet, or any more
  | 'late' // no answer in time
  | 'failed'; // our mistake

export const usualStatus: Readonly<Record<FaultKind, number>> = {
  malformed: 400,
  unfit: 422,
  empty: 400,
  'too-much': 413,
  'too-large': 413,
  unsupported: 415,
  unauthorized: 401,
  unknown: 404,
  busy: 429,
  unready: 503,
  late: 503,
  failed: 500,
};

/** What a client is told. The message never quotes its texts: it may end in somebody's log. */
export class Fault extends Error {
  readonly kind: FaultKind;
  /** When to come again; null: that would not help, or nobody knows. */
  readonly retryAfterMs: number | null;

  constructor(kind: FaultKind, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

// ---------------------------------------------------------------- reading

const issuesMax = 3;

/** A body as its schema has it. */
export function requestOf<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const { issues } = result.error;
  const shown = issues
    .slice(0, issuesMax)
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  const more = issues.length > issuesMax ? `; and ${issues.length - issuesMax} more` : '';
  throw new Fault('unfit', `${shown.join('; ')}${more}`);
}

/** To be asked before the schema is: that looks at every item of a list, however long. */
export function refuseCrowd(body: unknown, { documentsMax }: Limits): void {
  if (typeof body !== 'object' || body === null) return;
  for (const [key, value] of Object.entries(body))
    if (Array.isArray(value) && value.length > documentsMax)
      throw new Fault('too-much', `${key} has ${value.length} items, at most ${documentsMax} are taken`);
}

/** Every query beside its document. */
export function pairsOf(
  queries: readonly string[],
  documents: readonly string[],
  { textMax }: Limits,
): QueryDocument[] {
  for (const texts of [queries, documents])
    for (const text of texts)
      if (text.length > textMax)
        throw new Fault('too-much', `a text has ${text.length} characters, at most ${textMax} are taken`);
  return documents.map((document, i) => ({ query: queries[queries.length === 1 ? 0 : i]!, document }));
}

/** Clients must name a model, and name what they like. A generation's name is taken at its word. */
export const generationIn = (model: string | null | undefined): string | null =>
  model && /^g\d{6,}$/.test(model) ? model : null;

// ---------------------------------------------------------------- answering

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

export interface Place {
  /** Among the documents of the request. */
  readonly index: number;
  readonly score: number;
}

/** Best first; of equals the one that came first. */
export const places = (logits: Float32Array, score: (logit: number) => number): Place[] =>
  Array.from(logits, (logit, index) => ({ index, score: score(logit) })).sort(
    (a, b) => b.score - a.score || a.index - b.index,
  );

export const asIs = (logit: number): number => logit;
