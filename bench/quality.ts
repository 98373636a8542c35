// Quality on real data: every stage of the recipe against the floors, the student's own start and
// sentence-transformers, 5-fold over the judged queries of ESCI. usage: npm run bench:quality -- --help
//
// An arm on a fold is a cell. Cells take minutes or hours, so each is kept when it is finished: killed and
// started again, the run goes on. The last line is one JSON object.
import { systemClock } from '../src/clock.ts';
import type { Config } from '../src/config.ts';
import { RestillError } from '../src/errors.ts';
import { startBackend } from '../src/tensor/backend.tf.ts';
import { type Arm, armNamed, arms, withNeeds } from './quality/arms.ts';
import { CellStore, type JudgedScores } from './quality/cells.ts';
import { type Esci, readEsci } from './quality/esci.ts';
import { sizesOf } from './quality/estimate.ts';
import { figuresOf } from './quality/figures.ts';
import { type Split, splitOf } from './quality/folds.ts';
import { fingerprint } from './quality/models.ts';
import { type Options, parseOptions, usage } from './quality/options.ts';
import { gigaflops, nameOf, type PlanInputs } from './quality/plan.ts';
import { duration, progressLines } from './quality/progress.ts';
import { readRecipe } from './quality/recipe.ts';
import { comparedWith, formatReport, type ReportRow } from './quality/report.ts';
import { runCell } from './quality/run.ts';

const print = (line: string): void => console.log(line);

interface Benchmark {
  readonly options: Options;
  readonly config: Config;
  readonly esci: Esci;
  readonly splits: readonly Split[];
  readonly inputs: PlanInputs;
  readonly chosen: readonly Arm[];
  readonly store: CellStore;
}

/** A cell that is not there yet, with an estimate in seconds. */
interface Wanted {
  readonly arm: Arm;
  readonly split: Split;
  readonly seconds: number;
}

async function main(options: Options): Promise<void> {
  if (options.mode === 'help') return print(usage);
  if (options.mode === 'list') return print(arms.map(({ name }) => name).join('\n'));
  const benchmark = await open(options);
  if (options.mode !== 'table') {
    const wanted = wantedCells(benchmark);
    announce(wanted);
    if (options.mode === 'dry-run') return;
    await compute(benchmark, wanted);
  }
  report(benchmark);
}

async function open(options: Options): Promise<Benchmark> {
  const config = readRecipe(options);
  const esci = await readEsci(config);
  const ids = esci.queries.map(({ queryId }) => queryId);
  const { validate } = options;
  const splits = options.folds.map((fold) => splitOf(ids, { fold, validate, seed: config.seed }));
  const fingerprints = { student: fingerprint(options.student), teacher: fingerprint(options.teacher) };
  const inputs = { config, options, fingerprints };
  const always: readonly string[] = ['random', ...comparedWith];
  const chosen = withNeeds([...always, ...(options.arms ?? arms.map(({ name }) => name))]);
  return { options, config, esci, splits, inputs, chosen, store: new CellStore(options.work) };
}

/** Fold by fold, so that an early end leaves whole folds. */
function wantedCells({ options, config, esci, splits, inputs, chosen, store }: Benchmark): Wanted[] {
  const sizes = sizesOf({ config, options, esci, split: splits[0]! });
  return splits.flatMap((split) =>
    chosen
      .filter((arm) => store.read(nameOf(arm, split, inputs)) === null)
      .map((arm) => ({ arm, split, seconds: gigaflops(arm, inputs, sizes) / options.gflops })),
  );
}

function announce(wanted: readonly Wanted[]): void {
  for (const { arm, split, seconds } of wanted)
    print(`  to do: ${arm.name}, fold ${split.fold}: about ${duration(seconds)}`);
  print(`${wanted.length} cells to do, about ${duration(total(wanted))}`);
}

const total = (wanted: readonly Wanted[]): number => wanted.reduce((sum, { seconds }) => sum + seconds, 0);

async function compute(benchmark: Benchmark, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length === 0) return;
  const { config } = benchmark;
  const { threads, onednn } = config.trainer;
  const backend = await startBackend({ threads, oneDnn: onednn });
  const progress = progressLines(systemClock, print);
  const ctx = { ...benchmark, backend, progress };
  let expected = 0;
  let taken = 0;
  wanted.forEach((next, i) => {
    const { arm, split, seconds } = next;
    // By how much the estimates have been off so far.
    const pace = expected > 60 ? taken / expected : 1;
    const left = total(wanted.slice(i)) * pace;
    print(`[${i + 1}/${wanted.length}] ${arm.name}, fold ${split.fold}; all: about ${duration(left)} left`);
    const started = systemClock.elapsed();
    const { notes } = runCell({ ...benchmark, ctx, arm, split, clock: systemClock });
    print(`  ${JSON.stringify(notes)}`);
    expected += seconds;
    taken += (systemClock.elapsed() - started) / 1000;
  });
}

function report({ options, esci, splits, inputs, chosen, store }: Benchmark): void {
  const scoresOf = (arm: Arm): Map<number, JudgedScores> =>
    new Map(
      splits.flatMap((split) => {
        const cell = store.read(nameOf(arm, split, inputs));
        return cell === null ? [] : [[split.fold, cell.scores] as const];
      }),
    );
  const scores = new Map(chosen.map((arm) => [arm.name, scoresOf(arm)]));
  const others = Object.fromEntries(comparedWith.map((name) => [name, scores.get(armNamed(name).name)!]));
  const rows: ReportRow[] = chosen.map(({ name }) => {
    const own = scores.get(name)!;
    const on = (which: 'unseen' | 'seen') => figuresOf(esci.queries, splits, which, own, others);
    return { arm: name, folds: [...own.keys()], unseen: on('unseen'), seen: on('seen') };
  });
  const missing = chosen.flatMap(({ name }) =>
    splits.filter(({ fold }) => !scores.get(name)!.has(fold)).map(({ fold }) => `${name}/${fold}`),
  );
  print(`\n${options.validate ? 'VALIDATION queries, inside the training folds. ' : ''}Titles only.\n`);
  print(formatReport(rows));
  if (missing.length > 0) print(`missing cells: ${missing.join(', ')}`);
  print(JSON.stringify({ benchmark: 'quality', ...inputs.fingerprints, missing, rows }));
}

try {
  await main(parseOptions(process.argv.slice(2), process.env));
} catch (error) {
  if (!(error instanceof RestillError)) throw error;
  console.error(error.message);
  process.exitCode = error.exitCode;
}
