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
import { type Options, type Result, readOptions, shapeOf } from './speed/bench.ts';
import type { Lengths } from './speed/cases.ts';
import { pythonSide, type SideSpec, typescriptSide } from './speed/side.ts';
import { benchStudent } from './speed/student.ts';
import { runTeacher } from './speed/teacher.ts';
import { trainBatches } from './speed/work.ts';

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

async function teacherResults(options: Options): Promise<readonly Result[]> {
  if (options.teacher !== null) return runTeacher(options.teacher, options);
  console.log('skipped: the teacher; name its directory by --teacher');
  return [];
}

const countFor = (lengths: Lengths): number =>
  lengths === '64' || lengths === '128' ? batchCount.fixed : batchCount.real;

const options = readOptions();
await benchStudent(
  {
    task: 'train',
    pairs: (shape, lengths) => countFor(lengths) * shapeOf(shape).pairs,
    batches: (sequences, shape) => trainBatches(sequences, shapeOf(shape).pairs, 1),
    groups: 2,
    sides: sidesFor,
    more: () => teacherResults(options),
  },
  options,
);
