// Speed of scoring with the student: ours compiled, against ours op by op, sentence-transformers, and
// onnxruntime on the standard export. usage: npm run bench:score [-- --quick] [--shapes 6x384,2x128]
// [--lengths 64,titles] [--rounds 7] [--threads 2]. RESTILL_PYTHON as for bench:train.
//
// Batches of 32 sequences of like length, the same for all sides, each padding by its own means. Everything
// else as in train.ts. The last line is a JSON object; its ratios are sequences per second of ours over
// theirs, `..._cpu` the same in processor time.
import { allocator } from '../src/commands/trainer-child.ts';
import {
  labelOf,
  machine,
  type Options,
  type Result,
  ratiosOf,
  readOptions,
  runCase,
  studentFiles,
} from './speed/bench.ts';
import { pairsOf, readTokenizer } from './speed/cases.ts';
import { pythonSide, typescriptSide } from './speed/side.ts';
import { paddingOf, scoreBatches } from './speed/work.ts';

const batchSize = 32;
const pairCount = 128;

async function score(options: Options): Promise<void> {
  const tokenizer = readTokenizer();
  if (tokenizer === null) return;
  const sides = [
    typescriptSide('compiled', 'compiled-side.ts', allocator),
    pythonSide('onnxruntime', 'student_onnx.py'),
    pythonSide('sentence-transformers', 'student_torch.py'),
    typescriptSide('eager', 'eager-side.ts', allocator),
  ];
  const results: Result[] = [];
  const padding: Record<string, number> = {};
  for (const shape of options.shapes) {
    for (const lengths of options.lengths) {
      const sequences = pairsOf(lengths, pairCount, tokenizer);
      if (sequences === null) continue;
      const batches = scoreBatches(sequences, batchSize);
      const files = (directory: string) => studentFiles(directory, shape, tokenizer);
      padding[`${shape}_${lengths}`] = Number(paddingOf(batches, 1).toFixed(3));
      results.push(await runCase({ task: 'score', shape, lengths, batches, sides, files }, options));
    }
  }
  const ratios = Object.assign({}, ...results.map((result) => ratiosOf(result, 'compiled', labelOf(result))));
  console.log(JSON.stringify({ benchmark: 'score', machine: machine(), options, padding, results, ratios }));
}

await score(readOptions());
