// Speed of training the student: ours compiled, against ours op by op, sentence-transformers, and Python's
// tf.function. usage: npm run bench:train [-- --quick] [--shapes 6x384,2x128] [--lengths 64,titles]
// [--rounds 7] [--threads 2] [--teacher DIRECTORY]. RESTILL_PYTHON names the Python of
// bench/peer/requirements.txt.
//
// Each side is a process of its own and does the same steps on the same sequences, weights and teacher
// scores, in float32 and without dropout; a round of the one follows a round of the other, and figures are
// medians. What a step is stands in bench/peer/student_torch.py. The last line is a JSON object; its ratios
// are sequences per second of ours over theirs, `..._cpu` the same in processor time.
import { allocator } from '../src/commands/trainer-child.ts';
import {
  labelOf,
  machine,
  type Options,
  type Result,
  ratiosOf,
  readOptions,
  runCase,
  shapeOf,
  studentFiles,
} from './speed/bench.ts';
import { type Lengths, pairsOf, readTokenizer } from './speed/cases.ts';
import { pythonSide, type SideSpec, typescriptSide } from './speed/side.ts';
import { runTeacher } from './speed/teacher.ts';
import { paddingOf, trainBatches } from './speed/work.ts';

const batchCount = { fixed: 4, real: 8 };

/** The first one is what the others' losses are compared with. */
function sidesFor(shape: string, lengths: Lengths): SideSpec[] {
  const sides = [
    typescriptSide('compiled', 'compiled-side.ts', allocator),
    pythonSide('sentence-transformers', 'student_torch.py'),
  ];
  if (lengths === '64' || lengths === 'titles')
    sides.push(
      typescriptSide('eager', 'eager-side.ts', allocator),
      pythonSide('tf-function', 'student_tf_function.py'),
    );
  // The library's own default, which costs it time; not the same work, so not the ratio that counts.
  if (lengths === '64' && shape === '6x384')
    sides.push(pythonSide('sentence-transformers-dropout', 'student_torch.py', '--dropout'));
  return sides;
}

async function train(options: Options): Promise<void> {
  const tokenizer = readTokenizer();
  if (tokenizer === null) return;
  const results: Result[] = [];
  const padding: Record<string, number> = {};
  for (const shape of options.shapes) {
    for (const lengths of options.lengths) {
      const { pairs } = shapeOf(shape);
      const count = lengths === '64' || lengths === '128' ? batchCount.fixed : batchCount.real;
      const sequences = pairsOf(lengths, count * pairs, tokenizer);
      if (sequences === null) continue;
      const batches = trainBatches(sequences, pairs, 1);
      const files = (directory: string) => studentFiles(directory, shape, tokenizer);
      padding[`${shape}_${lengths}`] = Number(paddingOf(batches, 2).toFixed(3));
      const sides = sidesFor(shape, lengths);
      results.push(await runCase({ task: 'train', shape, lengths, batches, sides, files }, options));
    }
  }
  if (options.teacher === null) console.log('skipped: the teacher; name its directory by --teacher');
  else results.push(...(await runTeacher(options.teacher, options)));
  const ratios = Object.assign({}, ...results.map((result) => ratiosOf(result, 'compiled', labelOf(result))));
  console.log(JSON.stringify({ benchmark: 'train', machine: machine(), options, padding, results, ratios }));
}

await train(readOptions());
