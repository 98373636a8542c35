// A student: from its start with a fresh head, distilled from grades that other cells have left.

import { RestillError } from '../../src/errors.ts';
import { LabelTable } from '../../src/trainer/labels.ts';
import type { TeacherModel } from '../../src/trainer/models.ts';
import { type Scorer, studentScores } from '../../src/trainer/score.ts';
import { freshState } from '../../src/trainer/state.ts';
import { closeSums, distillTurn, type Workshop } from '../../src/trainer/turn.ts';
import { openScorer } from '../../src/trainer/workshop.tf.ts';
import { meanLabels } from './blend.ts';
import type { Cell, JudgedScores } from './cells.ts';
import { byQuery, type Context, drive, judge, judgedTexts, studentStart } from './context.ts';
import { clickStream, type FoldStream } from './fold-stream.ts';
import type { Split } from './folds.ts';

type Result = Pick<Cell, 'scores' | 'labels' | 'notes'>;

/** The student as it is before it learns. */
export function runFresh(ctx: Context): Result {
  // The same in all folds, so it is asked what any fold asks.
  const { queries } = ctx.esci;
  const score = (scorer: Scorer): JudgedScores =>
    byQuery(queries, studentScores(scorer, judgedTexts(queries)));
  return withScorer(ctx, (scorer) => ({ scores: score(scorer), labels: [], notes: {} }));
}

/** Distils a student from the mean of the teachers' grades. */
export function runStudent(ctx: Context, teachers: readonly Cell[], split: Split): Result {
  const stream = clickStream(ctx.esci, split, ctx.config, ctx.options);
  return withScorer(ctx, (scorer) => {
    const shop = distillShop(scorer, stream, teachers);
    drive(ctx, 'distill', distillTurn(shop, stream.block));
    const scores = judge(ctx, split, (texts) => studentScores(scorer, texts));
    return { scores, labels: [], notes: closeSums(shop.state, 'DISTILL') };
  });
}

/** A workshop in which everything is graded already. */
export function distillShop(scorer: Scorer, stream: FoldStream, teachers: readonly Cell[]): Workshop {
  const state = freshState();
  state.teacherVersion = 1;
  // The grades are standardised already, each teacher's by its own calibration.
  state.calibrations = [{ teacherVersion: 1, shift: 0, scale: 1 }];
  const labels = new LabelTable(scorer.config.labels.keptMax);
  for (const [key, score] of meanLabels(teachers)) labels.set(key, { teacherVersion: 1, score });
  return { ...scorer, journal: stream.journal, teacher: noTeacher, labels, judged: null, state };
}

const refuse = (): never => {
  throw new RestillError('BUG', 'a student that learns from grades asked for its teacher');
};

const noTeacher: TeacherModel = {
  pretrain: refuse,
  finetune: refuse,
  score: refuse,
  state: refuse,
  restore: refuse,
  dispose: () => {},
};

export function withScorer<T>(ctx: Context, work: (scorer: Scorer) => T): T {
  const { start, fixed } = studentStart(ctx);
  const scorer = openScorer(ctx.backend, ctx.config, fixed, { weights: start.weights, moments: new Map() });
  try {
    return work(scorer);
  } finally {
    scorer.student.dispose();
  }
}
