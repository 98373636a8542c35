// What can be asked of the quality benchmark on the command line.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RestillError } from '../../src/errors.ts';
import { foldCount } from './folds.ts';
import type { Unlabelled } from './unlabelled.ts';

export const usage = `usage: npm run bench:quality -- [options]
  --work DIR         where finished cells are kept; started again it goes on (default data/quality)
  --config FILE      the recipe: a restill configuration (default config/quality.yaml)
  --set KEY=VALUE    changes one key of it, such as finetune.steps_max=100; may be given often
  --folds 0,1        only these folds (default all ${foldCount})
  --arms A,B         only these arms, and what they need (default all; see --list)
  --teacher DIR      a Llama or Qwen2 (default RESTILL_MODELS/smollm2-135m)
  --teacher-layers N its first N layers only: cheaper, and another teacher
  --student DIR      a BERT trained for embeddings (default RESTILL_MODELS/minilm-l6)
  --random N         in-stream documents of other queries that every group is given to distil on (default 0)
  --pseudo N         made-up queries to distil on: a few words of an in-stream title each (default 0)
  --validate         inner validation split of the training queries in place of the test fold:
                     recipes are chosen here, never on the test fold
  --python FILE      a Python with sentence-transformers (default RESTILL_PEER_PYTHON or python3)
  --gflops N         what this machine does, for estimates (default 60)
  --dry-run          what would be computed, and how long it may take
  --table            computes nothing: the table of what is there
  --list             the arms`;

export interface Options extends Unlabelled {
  readonly work: string;
  readonly config: string;
  readonly set: readonly string[];
  readonly folds: readonly number[];
  /** Null: all. */
  readonly arms: readonly string[] | null;
  readonly teacher: string;
  /** Null: all. */
  readonly teacherLayers: number | null;
  readonly student: string;
  readonly validate: boolean;
  readonly python: string;
  readonly gflops: number;
  readonly mode: 'run' | 'dry-run' | 'table' | 'list' | 'help';
}

/** @throws RestillError USAGE */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parse(argv);
  const models = env.RESTILL_MODELS ?? 'models';
  const flags = ['help', 'list', 'dry-run', 'table'] as const;
  return {
    work: values.work ?? join('data', 'quality'),
    config: values.config ?? join('config', 'quality.yaml'),
    set: values.set ?? [],
    folds: foldsOf(values.folds),
    arms: values.arms?.split(',') ?? null,
    teacher: values.teacher ?? join(models, 'smollm2-135m'),
    teacherLayers: values['teacher-layers'] === undefined ? null : count(values, 'teacher-layers', 1),
    student: values.student ?? join(models, 'minilm-l6'),
    random: values.random === undefined ? 0 : count(values, 'random', 0),
    pseudo: values.pseudo === undefined ? 0 : count(values, 'pseudo', 0),
    validate: values.validate ?? false,
    python: values.python ?? env.RESTILL_PEER_PYTHON ?? 'python3',
    gflops: values.gflops === undefined ? 60 : count(values, 'gflops', 1),
    mode: flags.find((flag) => values[flag]) ?? 'run',
  };
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        ...{ work: text, config: text, set: { ...text, multiple: true }, folds: text, arms: text },
        ...{
          teacher: text,
          'teacher-layers': text,
          student: text,
          random: text,
          pseudo: text,
          validate: flag,
        },
        ...{ python: text, gflops: text, 'dry-run': flag, table: flag, list: flag, help: flag },
      },
    });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function foldsOf(list: string | undefined): number[] {
  if (list === undefined) return Array.from({ length: foldCount }, (_, fold) => fold);
  const folds = list.split(',').map(Number);
  if (folds.every((fold) => Number.isInteger(fold) && fold >= 0 && fold < foldCount)) return folds;
  throw wrong(`--folds is "${list}", expected numbers from 0 to ${foldCount - 1} with commas between`);
}

function count<K extends string>(values: { readonly [key in K]?: string }, name: K, least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw wrong(`--${name} is "${values[name]}", expected a whole number from ${least}`);
}

const wrong = (problem: string): RestillError => new RestillError('USAGE', `${problem}\n\n${usage}`);
