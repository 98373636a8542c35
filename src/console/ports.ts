// What the console asks of the process it is part of. The commands compose it: the console itself knows
// neither the trainer, nor the store, nor what scores.
import type { Board } from '../board.ts';
import type { GenerationId, Manifest } from '../contract.ts';
import type { CurvePoint } from '../protocol.ts';
import type { Page } from './page.ts';
import type { Status } from './view.ts';

/** The generations as they stand on disk. */
export interface Shelf {
  readonly live: GenerationId | null;
  /** Where a rollback would go; null: nowhere. */
  readonly before: GenerationId | null;
  /** Oldest first. */
  readonly manifests: readonly Manifest[];
  /** Of the newest generation: all that was measured while it was learnt. */
  readonly curve: readonly CurvePoint[];
}

/** What an operator may do. Who and why go into the audit. */
export interface GenerationDesk {
  /** Errors: GENERATION_UNKNOWN, GENERATION_DAMAGED, STORE_WRITE_FAILED. */
  promote(id: GenerationId, by: Deed): Promise<void>;
  /** To what was live before. Errors: the same; GENERATION_UNKNOWN where there is nothing to go back to. */
  rollback(by: Deed): Promise<void>;
}

export interface Deed {
  readonly who: string;
  readonly why: string;
}

/** The desk and what opens it; or why there is none. */
export type Operator =
  | { readonly token: string; readonly desk: GenerationDesk }
  | { readonly closed: string };

/** Scores documents for a query with the student that is live, or with the newest that is not. */
export interface Scorer {
  /** Logits, in the order of the documents. Errors: SERVE_BUSY, SERVE_NOT_READY, or the signal's reason. */
  score(
    query: string,
    documents: readonly string[],
    options: { readonly which: 'live' | 'candidate'; readonly signal: AbortSignal },
  ): Promise<{ readonly generation: GenerationId; readonly scores: readonly number[] }>;
}

/** As `/readyz` says it. */
export interface Readiness {
  readonly ready: boolean;
  readonly state: string;
  readonly obstacles: readonly { readonly code: string; readonly message: string }[];
}

export interface ConsoleParts {
  readonly server: 'run' | 'serve';
  readonly version: string;
  readonly page: Page;
  readonly board: Board;
  /** Brings the board up to date. An error fails the request only. */
  refresh(): Promise<void>;
  readiness(): Readiness;
  /** What answers requests; null in `restill run`, which answers none. */
  readonly serving: (() => NonNullable<Status['serving']>) | null;
  readonly shelf: () => Promise<Shelf>;
  /** That the API asks everybody for; null: who reads needs none. An operator's is as good. */
  readonly readerToken: string | null;
  readonly operator: Operator;
  /** Null where nothing scores. */
  readonly scorer: Scorer | null;
  /** For how long a ranking took, in milliseconds. */
  readonly elapsed: () => number;
}
