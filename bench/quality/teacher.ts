// A teacher: optional continued pre-training on clicks, rank fine-tuning on clicks or judgments, then
// grades for everything that a student of this fold will learn from.
import { teacherScores } from '../../src/trainer/score.ts';
import {
  closeSums,
  finetuneTurn,
  pretrainTurn,
  type StepDone,
  type Workshop,
} from '../../src/trainer/turn.ts';
import { designModels, openWorkshop } from '../../src/trainer/workshop.tf.ts';
import { type Arm, isLearntFrom } from './arms.ts';
import type { Cell } from './cells.ts';
import { type Context, drive, judge } from './context.ts';
import { clickStream, distillable, judgmentStream, type Text } from './fold-stream.ts';
import type { Split } from './folds.ts';
import { openStudentStart, openTeacherStart } from './models.ts';

export function runTeacher(
  ctx: Context,
  arm: Extract<Arm, { kind: 'teacher' }>,
  split: Split,
): Pick<Cell, 'scores' | 'labels' | 'notes'> {
  const { config, esci, options } = ctx;
  const clicks = clickStream(esci, split, config, options);
  const preferences = arm.labels === 'clicks' ? clicks : judgmentStream(esci, split, config);
  const shop = openShop(ctx, clicks.journal);
  try {
    const notes = { ...(arm.pretrain ? pretrain(ctx, shop, clicks.block) : {}) };
    rewind(shop);
    drive(ctx, 'finetune', finetuneTurn({ ...shop, journal: preferences.journal }, preferences.block));
    Object.assign(notes, closeSums(shop.state, 'FINETUNE'));
    const scores = judge(ctx, split, (asked) => drive(ctx, 'judge', scoring(shop, asked)));
    const texts = isLearntFrom(arm) ? distillable(clicks, config) : new Map<string, Text>();
    const labels = drive(ctx, 'label', scoring(shop, [...texts.values()]));
    return {
      scores,
      labels: [...texts.keys()].map((key, i) => [key, labels[i]!] as const),
      notes,
    };
  } finally {
    shop.teacher.dispose();
    shop.student.dispose();
  }
}

function openShop({ backend, config, options }: Context, journal: Workshop['journal']): Workshop {
  const starts = {
    student: openStudentStart(options.student, config.seed),
    teacher: openTeacherStart(options.teacher, config.seed, options.teacherLayers),
  };
  const fixed = designModels(config, [], null, starts);
  return openWorkshop({ backend, config, journal, judged: null, fixed, restored: null, starts }).shop;
}

function pretrain(ctx: Context, shop: Workshop, block: { from: number; to: number }): Record<string, number> {
  rewind(shop);
  drive(ctx, 'pretrain', pretrainTurn(shop, block));
  return closeSums(shop.state, 'PRETRAIN');
}

/** A turn begins at its first step. */
function rewind({ state }: Workshop): void {
  state.position = { ...state.position, stepsDone: 0 };
}

/** Scoring in parts, so that progress shows. */
function* scoring(shop: Workshop, texts: readonly Text[]): Generator<StepDone, number[]> {
  const scores: number[] = [];
  for (let at = 0; at < texts.length; at += part) {
    scores.push(...teacherScores(shop, texts.slice(at, at + part)));
    yield { done: Math.min(at + part, texts.length), of: texts.length };
  }
  return scores;
}

const part = 512;
