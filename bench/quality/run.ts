// Computes cells: one arm on one fold.
import { execFileSync } from 'node:child_process';
import type { Clock } from '../../src/clock.ts';
import { assert } from '../../src/errors.ts';
import { type Arm, armNamed, needsOf } from './arms.ts';
import { meanScores } from './blend.ts';
import type { Cell, CellStore } from './cells.ts';
import type { Context } from './context.ts';
import { runCosine } from './cosine.ts';
import { bm25Scores, randomScores } from './floors.ts';
import type { Split } from './folds.ts';
import { runPeer } from './peer.ts';
import { configOf, nameOf, type PlanInputs, settingsOf } from './plan.ts';
import { runFresh, runStudent } from './student.ts';
import { runTable } from './tables.ts';
import { runTeacher } from './teacher.ts';

/** Computes a cell and keeps it. The cells that it needs must be there. */
export function runCell(o: {
  readonly ctx: Context;
  readonly arm: Arm;
  readonly split: Split;
  readonly inputs: PlanInputs;
  readonly store: CellStore;
  readonly clock: Clock;
}): Cell {
  const { arm, split, inputs, store, clock } = o;
  const started = clock.elapsed();
  const { notes, ...made } = compute(o);
  const seconds = Math.round((clock.elapsed() - started) / 1000);
  const settings = settingsOf(arm, split, inputs);
  const all = { ...notes, seconds, commit: commit() };
  const cell: Cell = { arm: arm.name, fold: split.fold, settings, notes: all, ...made };
  store.write(nameOf(arm, split, inputs), cell);
  return cell;
}

function compute({ ctx, arm, split, inputs, store }: Parameters<typeof runCell>[0]) {
  const needs = needsOf(arm).map((name) => {
    const cell = store.read(nameOf(armNamed(name), split, inputs));
    assert(cell !== null, `${arm.name} is computed before ${name}`);
    return cell;
  });
  const config = configOf(arm, inputs.config);
  switch (arm.kind) {
    case 'floor':
      return floor(ctx, arm.name);
    case 'cosine':
      return runCosine(ctx, split);
    case 'fresh':
      return runFresh(ctx);
    case 'table':
      return runTable(ctx, arm.name, split);
    case 'teacher':
      return runTeacher({ ...ctx, config }, arm, split);
    case 'blend':
      return { scores: meanScores(needs), labels: [], notes: {} };
    case 'student':
      return runStudent({ ...ctx, config }, needs, split);
    case 'peer':
      return runPeer({ ...ctx, config }, needs, split);
  }
}

const floor = ({ esci }: Context, name: 'random' | 'bm25') => ({
  scores: name === 'random' ? randomScores(esci) : bm25Scores(esci),
  labels: [],
  notes: {},
});

/** For the reader of a cell; what it hangs on is in its settings. */
function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown'; // a release without its history measures as well
  }
}
