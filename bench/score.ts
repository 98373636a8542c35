// Speed of scoring with the student: ours compiled, against ours op by op, sentence-transformers, and
// onnxruntime on the standard export. usage: npm run bench:score [-- --quick] [--shapes 6x384,2x128]
// [--lengths 64,titles] [--rounds 7] [--threads 2]. RESTILL_PYTHON as for bench:train.
//
// Batches of 32 sequences of like length, the same for all sides, each padding by its own means. Everything
// else as in train.ts. The last line is a JSON object; its ratios are sequences per second of ours over
// theirs, `..._cpu` the same in processor time.
import { allocator } from '../src/commands/trainer-child.ts';
import { readOptions } from './speed/bench.ts';
import { pythonSide, typescriptSide } from './speed/side.ts';
import { benchStudent } from './speed/student.ts';
import { scoreBatches } from './speed/work.ts';

const batchSize = 32;
const pairCount = 128;

const sides = [
  typescriptSide('compiled', 'compiled-side.ts', allocator),
  pythonSide('onnxruntime', 'student_onnx.py'),
  pythonSide('sentence-transformers', 'student_torch.py'),
  typescriptSide('eager', 'eager-side.ts', allocator),
];

await benchStudent(
  {
    task: 'score',
    pairs: () => pairCount,
    batches: (sequences) => scoreBatches(sequences, batchSize),
    groups: 1,
    sides: () => sides,
    more: async () => [],
  },
  readOptions(),
);
