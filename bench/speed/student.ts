// What bench:train and bench:score both do: every shape at every kind of lengths, then the figures as one
// JSON object on the last line.
import { labelOf, machine, type Options, type Result, ratiosOf, runCase, studentFiles } from './bench.ts';
import { type Lengths, pairsOf, readTokenizer } from './cases.ts';
import type { SideSpec } from './side.ts';
import { type Batch, type PairedSequences, paddingOf, type Work } from './work.ts';

export interface StudentBench {
  readonly task: Work['task'];
  /** How many pairs of sequences are drawn. */
  readonly pairs: (shape: string, lengths: Lengths) => number;
  readonly batches: (sequences: PairedSequences, shape: string) => Batch[];
  /** How many groups of a batch are padded each to its own longest sequence. */
  readonly groups: 1 | 2;
  /** The first one is what the others' figures are compared with. */
  readonly sides: (shape: string, lengths: Lengths) => SideSpec[];
  /** Figures of other models, to stand beside the student's. */
  readonly more: () => Promise<readonly Result[]>;
}

/** Says so, and measures nothing, where the data is missing that the lengths are taken from. */
export async function benchStudent(bench: StudentBench, options: Options): Promise<void> {
  const { task } = bench;
  const tokenizer = readTokenizer();
  if (tokenizer === null) return;
  const results: Result[] = [];
  const padding: Record<string, number> = {};
  for (const shape of options.shapes) {
    for (const lengths of options.lengths) {
      const sequences = pairsOf(lengths, bench.pairs(shape, lengths), tokenizer);
      if (sequences === null) continue;
      const batches = bench.batches(sequences, shape);
      const files = (directory: string) => studentFiles(directory, shape, tokenizer);
      padding[`${shape}_${lengths}`] = Number(paddingOf(batches, bench.groups).toFixed(3));
      const sides = bench.sides(shape, lengths);
      results.push(await runCase({ task, shape, lengths, batches, sides, files }, options));
    }
  }
  results.push(...(await bench.more()));
  const ratios = Object.assign({}, ...results.map((result) => ratiosOf(result, 'compiled', labelOf(result))));
  console.log(JSON.stringify({ benchmark: task, machine: machine(), options, padding, results, ratios }));
}
