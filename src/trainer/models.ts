// What the turns need of the two models. Plain typed arrays cross this border; tensors stay in the .tf files.
import type { Document, EncodedCompletion, EncodedPair, Tensors } from '../contract.ts';

/** One AdamW step: `step` counts from 1 per objective, `learningRate` is that of this step. */
export interface OptimizerStep {
  readonly step: number;
  readonly learningRate: number;
}

export interface StepResult {
  readonly loss: number;
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number;
}

/** A preference as token sequences for the teacher. */
export interface EncodedPreference {
  readonly better: Int32Array;
  readonly worse: Int32Array;
  readonly weight: number;
}

/** Two documents of one query for the student, with the teacher's calibrated scores. */
export interface EncodedDistillation {
  readonly positive: EncodedPair;
  readonly negative: EncodedPair;
  readonly positiveScore: number;
  readonly negativeScore: number;
}

/** Weights and optimizer moments, by their canonical names. */
export interface ModelState {
  readonly weights: Tensors;
  readonly moments: Tensors;
}

/**
 * The language model that learns what people click. A step throws NON_FINITE, with nothing changed, when its
 * loss or gradient is not a finite number.
 */
export interface TeacherModel {
  pretrain(batch: readonly EncodedCompletion[], at: OptimizerStep): StepResult;
  finetune(batch: readonly EncodedPreference[], at: OptimizerStep): StepResult;
  /** Raw scores in logits, in the order given. */
  score(sequences: readonly Int32Array[]): Float32Array;
  state(): ModelState;
  restore(state: ModelState): void;
  dispose(): void;
}

/** The cross-encoder that serves. Errors as for the teacher. */
export interface StudentModel {
  distill(batch: readonly EncodedDistillation[], at: OptimizerStep): StepResult;
  /** Scores in logits, in the order given. */
  score(pairs: readonly EncodedPair[]): Float32Array;
  state(): ModelState;
  restore(state: ModelState): void;
  dispose(): void;
}

/** Texts to tokens, for both models. */
export interface Encoders {
  studentPair(query: string, document: Document): EncodedPair;
  teacherScore(query: string, document: Document): Int32Array;
  teacherCompletion(query: string, document: Document): EncodedCompletion;
}
