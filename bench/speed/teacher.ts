// The teacher's part of bench:train: SmolLM2 or another Llama, scoring and a LoRA step, against
// transformers and peft.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allocator } from '../../src/commands/trainer-child.ts';
import { parseConfig } from '../../src/config.ts';
import { assert } from '../../src/errors.ts';
import { describeModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { encodeSafetensors } from '../../src/tensor/safetensors.ts';
import { teacherShape } from '../../src/trainer/teacher.tf.ts';
import { type Options, type Result, runCase } from './bench.ts';
import { teacherPairs } from './cases.ts';
import { pythonSide, typescriptSide } from './side.ts';
import { lora, type ModelFiles, scoreBatches, teacherConfig, trainBatches } from './work.ts';

/** Preferences of a step, sequences scored at a time, and how many of each. */
const [pairs, scored, steps] = [8, 16, 2];

/** A step of RankNet on 64 tokens and on real titles, then scoring of the same; none without real data. */
export async function runTeacher(directory: string, options: Options): Promise<Result[]> {
  const sides = [
    typescriptSide('compiled', 'teacher-side.ts', allocator),
    pythonSide('transformers', 'teacher_torch.py'),
  ];
  const files = (at: string) => teacherFiles(at, directory);
  const results: Result[] = [];
  for (const lengths of ['64', 'titles'] as const) {
    const sequences = teacherPairs(lengths, steps * pairs, directory);
    if (sequences === null) continue;
    const common = { lengths, sides, files };
    const training = { task: 'train', shape: 'lora', batches: trainBatches(sequences, pairs, 1) } as const;
    const scoring = { task: 'score', shape: 'teacher', batches: scoreBatches(sequences, scored) } as const;
    results.push(await runCase({ ...training, ...common }, options));
    results.push(await runCase({ ...scoring, ...common }, options));
  }
  return results;
}

/** The directory as it is, and what trains beside it: an adapter and a score head, from a seed. */
function teacherFiles(at: string, model: string): ModelFiles {
  const { family, config } = describeModelDirectory(model, null);
  assert(family === 'llama', 'the teacher is a Llama');
  const { trained } = teacherShape(config, parseConfig(teacherConfig(model)).teacher);
  const adapter = join(at, 'adapter.safetensors');
  writeFileSync(adapter, encodeSafetensors(initialize(trained, 1)));
  return { model, adapter, lora };
}
