// What the daemon and the trainer process say to each other, and what comes of a run. Types only.
import type { GenerationId, Manifest } from './contract.ts';
import type { ErrorCode } from './errors.ts';
import type { Interval } from './evidence.ts';

export type TurnKind = 'PRETRAIN' | 'FINETUNE' | 'SCORE' | 'DISTILL' | 'EVALUATE' | 'SNAPSHOT';

export interface TurnReport {
  readonly kind: TurnKind;
  readonly cycle: number;
  readonly cursor: number;
  readonly steps: number;
  readonly seconds: number;
  /** For example `loss`, `gradientNorm`, `ndcg10`. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Daemon -> trainer. */
export type ToTrainer =
  /** The journal is durable up to `high`; `ended`: nothing will follow. */
  | { readonly kind: 'durable'; readonly high: number; readonly ended: boolean }
  /** Groups before the generation's cursor have moved into the memory. */
  | { readonly kind: 'retired'; readonly cursor: number }
  /** Finish the step at hand, snapshot, leave. */
  | { readonly kind: 'stop' };

/** Trainer -> daemon. */
export type FromTrainer =
  /**
   * `retireTo`: the cursor of the last scheduled generation; the ring may be retired up to it, not further.
   */
  | {
      readonly kind: 'ready';
      readonly cursor: number;
      readonly retireTo: number;
      readonly generation: GenerationId | null;
      /** Of the process. */
      readonly pid: number;
    }
  | {
      readonly kind: 'progress';
      readonly turn: TurnKind;
      readonly cursor: number;
      readonly done: number;
      readonly of: number;
    }
  | { readonly kind: 'turn'; readonly report: TurnReport }
  | { readonly kind: 'generation'; readonly manifest: Manifest }
  /** One that failed its checks and was passed over. */
  | { readonly kind: 'damaged'; readonly generation: GenerationId; readonly message: string }
  | { readonly kind: 'finished'; readonly summary: TrainerSummary };

/** The last thing a trainer says that cannot go on; on the daemon's side it is an error. */
export interface TrainerFailure {
  readonly kind: 'failed';
  readonly code: string;
  readonly message: string;
}

/** What the supervisor says in the place of a trainer that died and will be started again. */
export interface TrainerDeath {
  readonly kind: 'died';
  readonly code: ErrorCode;
  readonly message: string;
  /** Within trainer.restarts_window, this one included. */
  readonly deaths: number;
  readonly restartInMs: number;
}

/** Supervised trainer -> daemon: what one trainer process after the other says, and what comes between. */
export type TrainerNews = FromTrainer | TrainerDeath;

/**
 * Ranking quality of one ranker: see trainer/quality.ts for the definitions. NaN-free: absent when not
 * measurable.
 */
export interface Quality {
  readonly queries: number;
  readonly ndcg5: number;
  readonly ndcg10: number;
  /** Concordant over discordant pairs. */
  readonly pnr: number;
  readonly mrr: number;
}

export interface QualityTable {
  /** What the table was measured on. */
  readonly on: 'judgments' | 'clicks';
  /** `random`, `bm25`, `shown`, `studentBefore`, `student`, `teacher`. */
  readonly rankers: Readonly<Record<string, Quality>>;
  /**
   * By how much the student's nDCG@10 beats `bm25` and `studentBefore`, query by query; on judgments only.
   */
  readonly gains: Readonly<Record<string, Gain>>;
}

/** Mean difference over queries and its 95 % interval. */
export type Gain = Interval;

/** One point of the learning curve, taken in EVALUATE. */
export interface CurvePoint {
  readonly cursor: number;
  readonly steps: number;
  readonly figures: Readonly<Record<string, number>>;
}

export interface TrainerSummary {
  readonly cursor: number;
  /** Optimizer steps taken. */
  readonly steps: number;
  /** Steps refused because a loss or gradient was not finite. */
  readonly stepsRefused: number;
  readonly turns: Readonly<Record<TurnKind, number>>;
  readonly generation: GenerationId | null;
  readonly weightsSha256: { readonly student: string; readonly teacher: string };
  readonly teacherVersion: number;
  readonly quality: readonly QualityTable[];
  readonly curve: readonly CurvePoint[];
  readonly seconds: Readonly<Record<TurnKind, number>>;
}
