// Our teacher as the product runs it: RankNet steps of an adapter beside frozen weights, or scores.
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config.ts';
import { assert } from '../../src/errors.ts';
import { startBackend } from '../../src/tensor/backend.tf.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import type { EncodedPreference } from '../../src/trainer/models.ts';
import { openTeacher, teacherShape } from '../../src/trainer/teacher.tf.ts';
import { readWork, serve } from './protocol.ts';
import { type Batch, idsOf, teacherConfig } from './work.ts';

const work = readWork();
const { threads, learningRate } = work;
const config = parseConfig(teacherConfig(work.model));
const backend = await startBackend({ threads, oneDnn: config.trainer.onednn });
const loaded = openModelDirectory(work.model, { seed: 1, layers: null });
assert(loaded.family === 'llama' && work.adapter !== null, 'the teacher is a Llama with an adapter');
const shape = teacherShape({ ...loaded.config, positions: config.teacher.tokensMax }, config.teacher);
const teacher = openTeacher(backend, shape, config, loaded.weights);
teacher.restore({ weights: decodeSafetensors(readFileSync(work.adapter)), moments: new Map() });
const batches = work.batches.map((batch) => ({ ids: idsOf(batch), preferences: preferencesOf(batch) }));
let step = 0;

const train = (i: number): number[] => {
  step++;
  return [teacher.finetune(batches[i]!.preferences, { step, learningRate }).loss];
};
const score = (i: number): number[] => [...teacher.score(batches[i]!.ids)];
const hello = { threads, versions: { node: process.version, tensorflow: backend.version } };
await serve(work, hello, work.task === 'train' ? train : score);

function preferencesOf(batch: Batch): EncodedPreference[] {
  const ids = idsOf(batch);
  const half = ids.length / 2;
  return ids.slice(0, half).map((better, i) => ({ better, worse: ids[half + i]!, weight: 1 }));
}
