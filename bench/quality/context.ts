// What every cell is computed with.
import type { Config } from '../../src/config.ts';
import type { ArtifactFile } from '../../src/contract.ts';
import type { Backend } from '../../src/tensor/backend.tf.ts';
import type { LoadedBert } from '../../src/tensor/model-weights.ts';
import type { JudgedQuery } from '../../src/trainer/judged.ts';
import type { StepDone } from '../../src/trainer/turn.ts';
import { designModels } from '../../src/trainer/workshop.tf.ts';
import type { JudgedScores } from './cells.ts';
import type { Esci } from './esci.ts';
import type { Text } from './fold-stream.ts';
import { isAsked, type Split } from './folds.ts';
import { openStudentStart, openTeacherStart } from './models.ts';
import type { Options } from './options.ts';

export interface Context {
  readonly backend: Backend;
  readonly config: Config;
  readonly esci: Esci;
  readonly options: Options;
  /** Says how far a cell is. */
  readonly progress: (what: string, at: StepDone) => void;
}

/** Runs a turn, or anything that yields its steps, to its end. */
export function drive<T>(ctx: Context, what: string, steps: Generator<StepDone, T>): T {
  let next = steps.next();
  while (!next.done) {
    ctx.progress(what, next.value);
    next = steps.next();
  }
  return next.value;
}

/** The judged pairs of these queries, query by query. */
export const judgedTexts = (queries: readonly JudgedQuery[]): Text[] =>
  queries.flatMap(({ query, documents }) => documents.map((document) => ({ query, document })));

/** Scores of `judgedTexts`, by query. */
export function byQuery(queries: readonly JudgedQuery[], scores: ArrayLike<number>): JudgedScores {
  let at = 0;
  return Object.fromEntries(
    queries.map(({ queryId, documents }) => [queryId, documents.map(() => scores[at++]!)]),
  );
}

/** Scores of what a model of this fold is asked, which `score` gives in the order of its texts. */
export function judge(
  { esci }: Context,
  split: Split,
  score: (texts: readonly Text[]) => ArrayLike<number>,
): JudgedScores {
  const asked = esci.queries.filter(({ queryId }) => isAsked(split, queryId));
  return byQuery(asked, score(judgedTexts(asked)));
}

export interface StudentStart {
  readonly start: LoadedBert;
  /** Configs and tokenizers of both models. */
  readonly fixed: readonly ArtifactFile[];
}

/** The student's start with what its scorer wants to know of the teacher: a tokenizer. */
export function studentStart({ config, options }: Context): StudentStart {
  const student = openStudentStart(options.student, config.seed);
  const teacher = openTeacherStart(options.teacher, config.seed, 1);
  return { start: student, fixed: designModels(config, [], null, { student, teacher }) };
}
