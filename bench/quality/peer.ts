// sentence-transformers' CrossEncoder on the very batches that a student of ours learns from, in Python.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RestillError } from '../../src/errors.ts';
import { documentText } from '../../src/tensor/texts.ts';
import { calibrate } from '../../src/trainer/calibration.ts';
import { labelKey } from '../../src/trainer/labels.ts';
import { distillPlan, documentOf, type Workshop } from '../../src/trainer/turn.ts';
import type { Cell } from './cells.ts';
import { type Context, judge } from './context.ts';
import { clickStream } from './fold-stream.ts';
import type { Split } from './folds.ts';
import { distillShop, withScorer } from './student.ts';

const script = fileURLToPath(new URL('../peer/cross_encoder.py', import.meta.url));

/** @throws RestillError BACKEND_MISSING where Python fails. */
export function runPeer(
  ctx: Context,
  teachers: readonly Cell[],
  split: Split,
): Pick<Cell, 'scores' | 'labels' | 'notes'> {
  const stream = clickStream(ctx.esci, split, ctx.config, ctx.options);
  const batches = withScorer(ctx, (scorer) => batchesOf(distillShop(scorer, stream, teachers), stream.block));
  const { distill, student, trainer } = ctx.config;
  const task = {
    model: ctx.options.student,
    tokens_max: student.tokensMax,
    threads: trainer.threads,
    seed: ctx.config.seed,
    learning_rate: distill.learningRate,
    warmup_steps: distill.warmupSteps,
    weight_decay: distill.weightDecay,
    clip_norm: distill.clipNorm,
    batches,
  };
  let notes = {};
  const scores = judge(ctx, split, (texts) => {
    const asked = texts.map(({ query, document }) => [query, documentText(document)]);
    const answer = ask(ctx.options.python, { ...task, ask: asked });
    notes = answer.notes;
    return answer.scores;
  });
  return { scores, labels: [], notes };
}

/** Query, positive, negative, teacher margin: batch by batch in the student's order. */
function batchesOf(shop: Workshop, block: { from: number; to: number }): unknown[] {
  const scoreOf = (query: string, document: Parameters<typeof labelKey>[1]): number =>
    calibrate(shop.labels.get(labelKey(query, document))!.score, shop.state.calibrations[0]!);
  return distillPlan(shop, block).plan.map((batch) =>
    batch.map(({ group, positive, negative }) => {
      const [better, worse] = [documentOf(group, positive), documentOf(group, negative)];
      const margin = scoreOf(group.query, better) - scoreOf(group.query, worse);
      return [group.query, documentText(better), documentText(worse), margin];
    }),
  );
}

interface Answer {
  readonly scores: readonly number[];
  readonly notes: Readonly<Record<string, number | string>>;
}

function ask(python: string, task: object): Answer {
  const directory = mkdtempSync(join(tmpdir(), 'restill-peer-'));
  const [input, output] = [join(directory, 'task.json'), join(directory, 'answer.json')];
  try {
    writeFileSync(input, JSON.stringify(task));
    const { status, error } = spawnSync(python, [script, input, output], { stdio: 'inherit' });
    if (status !== 0)
      throw new RestillError(
        'BACKEND_MISSING',
        `${python} ${script} ended with ${error?.message ?? status}; give a Python that has ` +
          'sentence-transformers by --python',
      );
    return JSON.parse(readFileSync(output, 'utf8')) as Answer;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
