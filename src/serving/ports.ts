// What serving is made of, and what its parts know of each other: an engine scores with one student, a ranker
// keeps the live one, the door (HTTP) asks the ranker.
import type { EncodedPair, GenerationId } from '../contract.ts';

/** A text to be scored for a query, as clients send it: title and summary are one text by then. */
export interface QueryDocument {
  readonly query: string;
  readonly document: string;
}

/** Which student answers: the live one, or the newest that is not (to compare them side by side). */
export type Which = 'live' | 'candidate';

export interface RankOptions {
  readonly which: Which;
  /** The caller has gone: what is not under way yet is dropped. */
  readonly signal: AbortSignal;
  /** False: a pair that is longer than the student reads is refused instead of cut. */
  readonly cut: boolean;
}

export interface Ranked {
  /** The one that gave every one of these logits. */
  readonly generation: GenerationId;
  /** In the order of the pairs. */
  readonly logits: Float32Array;
  /** Of all pairs together, as they were read; clients are told of their usage. */
  readonly tokens: number;
}

/** What is said of a student that can answer. */
export interface ServedModel {
  readonly generation: GenerationId;
  /** Milliseconds since 1970 when it began to answer. */
  readonly since: number;
  /** Longest sequence in tokens; longer pairs are cut as in training. */
  readonly tokensMax: number;
  /** Longest sequence that it could take. */
  readonly positions: number;
  readonly weightsSha256: string;
  /** Bytes of its weights. */
  readonly bytes: number;
}

/** Why a generation that should have gone live did not. */
export interface Refusal {
  readonly generation: GenerationId | null;
  readonly code: string;
  readonly message: string;
  readonly at: number;
}

export interface RankerFigures {
  readonly queuedPairs: number;
  readonly swaps: number;
  readonly refusals: number;
  readonly batches: number;
  readonly pairs: number;
}

export interface Ranker {
  /**
   * Errors: SERVE_BUSY (a `ServeBusy`) when the queue is full (retry later), SERVE_NOT_READY when no student
   * is live or there is no candidate, SERVE_ENGINE_DIED when the one that answered ended (retry),
   * SERVE_TEXT_TOO_LONG for a pair that must not be cut, the signal's reason when it was aborted.
   */
  rank(pairs: readonly QueryDocument[], options: RankOptions): Promise<Ranked>;
  live(): ServedModel | null;
  lastRefusal(): Refusal | null;
  figures(): RankerFigures;
  /** Answers what is queued, takes nothing more, disposes every student. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- students

/** How a ranker is told to work. */
export interface RankerSettings {
  /** Of one student's engine. */
  readonly threads: number;
  /** Pairs that may wait or be under way at a time; further requests are told to come again. */
  readonly queueMax: number;
  /** How long one batch should take: about so long a new request waits for its first turn. */
  readonly batchBudgetMs: number;
  /** A generation that takes longer to load and prove itself is refused. */
  readonly loadDeadlineMs: number;
  /** How often the live pointer is looked at even where the file system tells nothing. */
  readonly pollMs: number;
  /** Keeps the newest generation that is not live ready too: rollback at once, for twice the memory. */
  readonly candidate: boolean;
}

/** What a ranker tells while it works, for the log and the counters. */
export type ServingNews =
  /** `proven`: it gave its golden logits; false where its generation has none (made by an older restill). */
  | { readonly kind: 'live'; readonly model: ServedModel; readonly proven: boolean; readonly tookMs: number }
  | { readonly kind: 'candidate'; readonly model: ServedModel; readonly proven: boolean }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Its last lease came back and its memory is given up. */
  | { readonly kind: 'disposed'; readonly generation: GenerationId }
  /** Its engine ended unasked; it is loaded again. */
  | { readonly kind: 'died'; readonly generation: GenerationId; readonly message: string };

/** What a generation says of its student: a text, its tokens, and the logit that training computed for it. */
export interface GoldenCase extends QueryDocument {
  readonly ids: readonly number[];
  readonly segments: readonly number[];
  readonly logit: number;
}

/** A student as a generation gives it, before anything of it is believed. */
export interface Student {
  readonly model: Omit<ServedModel, 'since'>;
  /** As in training: the document is cut first, from the right. */
  readonly encode: (pair: QueryDocument, tokensMax: number) => EncodedPair;
  readonly engine: Engine;
  /** Null where its generation has none. */
  readonly golden: readonly GoldenCase[] | null;
  /** Resolves if the engine ends unasked. */
  readonly died: Promise<Error>;
}

/**
 * Loads the student of a generation, its checksums verified. The caller disposes the engine.
 *
 * Errors: GENERATION_DAMAGED, GENERATION_UNKNOWN and what else a generation can be; the signal's reason once
 * it is aborted, and then nothing is left behind.
 */
export type LoadStudent = (id: GenerationId, signal: AbortSignal) => Promise<Student>;

/** What a data directory says of who should answer. */
export interface Wanted {
  /** Changes whenever somebody set the live pointer, to the same generation too. */
  readonly pointer: string;
  readonly live: GenerationId | null;
  readonly candidate: GenerationId | null;
}

/** One student, ready to score. */
export interface Engine {
  /** Logits in the order of the sequences, which may have different lengths. Calls may overlap. */
  score(sequences: readonly EncodedPair[]): Promise<Float32Array>;
  /** After the last call has been answered. */
  dispose(): Promise<void>;
}
