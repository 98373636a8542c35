// What bench:train and bench:score have in common: options, shapes, and a case from its work to its figures.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RestillError } from '../../src/errors.ts';
import type { Lengths } from './cases.ts';
import { difference, type Figures, measure } from './rounds.ts';
import type { SideSpec } from './side.ts';
import { type Batch, type ModelFiles, type Shape, trainSettings, type Work, writeModel } from './work.ts';

export interface Options {
  readonly quick: boolean;
  readonly shapes: readonly string[];
  readonly lengths: readonly Lengths[];
  readonly rounds: number;
  readonly threads: number;
  /** A Llama's Hugging Face directory; null: no teacher. */
  readonly teacher: string | null;
}

/** MiniLM-L6, and two that are smaller. */
const shapes: Readonly<Record<string, Shape>> = {
  '6x384': { layers: 6, hidden: 384, pairs: 16 },
  '4x256': { layers: 4, hidden: 256, pairs: 32 },
  '2x128': { layers: 2, hidden: 128, pairs: 32 },
};
const allLengths: readonly Lengths[] = ['64', '128', 'titles', 'summaries'];

/** @throws RestillError `USAGE` for an option, shape or length that does not exist. */
export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      shapes: { type: 'string' },
      lengths: { type: 'string' },
      rounds: { type: 'string' },
      threads: { type: 'string', default: '2' },
      teacher: { type: 'string' },
    },
  });
  const { quick } = values;
  const list = <T extends string>(
    text: string | undefined,
    known: readonly T[],
    otherwise: readonly T[],
  ): T[] => {
    const wanted = text?.split(',') ?? otherwise;
    const unknown = wanted.filter((name) => !known.some((one) => one === name));
    if (unknown.length > 0)
      throw new RestillError('USAGE', `unknown: ${unknown.join(', ')}; there are ${known.join(', ')}`);
    return wanted as T[];
  };
  const names = Object.keys(shapes);
  return {
    quick,
    shapes: list(values.shapes, names, quick ? ['6x384', '2x128'] : names),
    lengths: list(values.lengths, allLengths, quick ? ['64', 'titles'] : allLengths),
    rounds: Number(values.rounds ?? (quick ? 3 : 7)),
    threads: Number(values.threads),
    teacher: values.teacher ?? null,
  };
}

export const shapeOf = (name: string): Shape => shapes[name]!;

export interface Case {
  readonly task: Work['task'];
  /** For people and for the names of the ratios. */
  readonly shape: string;
  readonly lengths: Lengths;
  readonly batches: readonly Batch[];
  readonly sides: readonly SideSpec[];
  /** Writes what is needed of the model into an empty directory. */
  readonly files: (directory: string) => ModelFiles;
}

const modelSeed = 1;

/** A student of random weights. */
export function studentFiles(directory: string, shape: string, tokenizer: string): ModelFiles {
  const model = join(directory, 'model');
  writeModel(model, shapeOf(shape), tokenizer, modelSeed);
  return { model, adapter: null, lora: null };
}

export interface Result {
  readonly shape: string;
  readonly lengths: Lengths;
  /** Sequences per second of each side, by wall clock. */
  readonly sequencesPerSecond: Readonly<Record<string, number>>;
  readonly cpuSecondsPerSequence: Readonly<Record<string, number>>;
  readonly peakMiB: Readonly<Record<string, number>>;
  /** Relative difference of what the other sides computed from what the first did. */
  readonly differences: Readonly<Record<string, number>>;
}

/** The files of a model, and a case on it from its work to its figures. */
export async function runCase(one: Case, options: Options): Promise<Result> {
  const { task, shape, lengths, batches, sides } = one;
  console.log(`${task}, ${shape}, ${lengths}: ${sides.map(({ name }) => name).join(', ')}`);
  const directory = mkdtempSync(join(tmpdir(), 'restill-bench-'));
  try {
    const work: Work = { task, ...one.files(directory), threads: options.threads, ...trainSettings, batches };
    const file = join(directory, 'work.json');
    writeFileSync(file, JSON.stringify(work));
    const secondsMin = options.quick ? 1 : 4;
    const figures = await measure(sides, file, { rounds: options.rounds, secondsMin, tell: console.log });
    return resultOf(one, figures);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function resultOf({ shape, lengths, batches }: Case, figures: readonly Figures[]): Result {
  const sequences = batches.reduce((sum, batch) => sum + batch.sequences.length, 0);
  const by = (of: (one: Figures) => number) =>
    Object.fromEntries(figures.map((one) => [one.name, Number(of(one).toPrecision(4))]));
  for (const { name, threads, versions } of figures)
    console.log(`  ${name}: ${threads} threads, ${JSON.stringify(versions)}`);
  return {
    shape,
    lengths,
    sequencesPerSecond: by(({ seconds }) => sequences / seconds),
    cpuSecondsPerSequence: by(({ cpuSeconds }) => cpuSeconds / sequences),
    peakMiB: by(({ peakMiB }) => peakMiB),
    differences: by((one) => difference(figures[0]!, one)),
  };
}

/** How many times as fast `name` is as each other side: by wall clock, and by processor time. */
export function ratiosOf(result: Result, name: string, label: string): Record<string, number> {
  const others = Object.keys(result.sequencesPerSecond).filter((other) => other !== name);
  return Object.fromEntries(
    others.flatMap((other) => {
      const key = `${name}_vs_${other.replaceAll('-', '_')}_${label}`;
      const wall = result.sequencesPerSecond[name]! / result.sequencesPerSecond[other]!;
      const cpu = result.cpuSecondsPerSequence[other]! / result.cpuSecondsPerSequence[name]!;
      return [
        [key, rounded(wall)],
        [`${key}_cpu`, rounded(cpu)],
      ];
    }),
  );
}

const rounded = (value: number): number => Number(value.toFixed(3));

/** `6x384` for 64 tokens, `6x384_128`, and for MiniLM's shape `real_lengths` and `real_lengths_summaries`. */
export function labelOf({ shape, lengths }: Pick<Result, 'shape' | 'lengths'>): string {
  if (lengths === '64') return shape;
  const suffix = { '128': '128', titles: 'real_lengths', summaries: 'real_lengths_summaries' }[lengths];
  return shape === '6x384' && lengths !== '128' ? suffix : `${shape}_${suffix}`;
}

/** What the figures were taken on. */
export const machine = (): Record<string, unknown> => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
});
