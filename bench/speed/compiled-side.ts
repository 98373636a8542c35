// Our student as the product runs it: compiled, packed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/config.ts';
import type { EncodedPair } from '../../src/contract.ts';
import { startBackend } from '../../src/tensor/backend.tf.ts';
import { bertFromHuggingFace } from '../../src/tensor/model-config.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import type { EncodedDistillation, StudentModel } from '../../src/trainer/models.ts';
import { openStudent } from '../../src/trainer/student.tf.ts';
import { readWork, serve } from './protocol.ts';
import type { Batch } from './work.ts';

const work = readWork();
const { threads, weightDecay, clipNorm, learningRate } = work;
// Without its point-wise part the hybrid loss is MarginMSE.
const config = parseConfig({
  distill: { point_weight: 0, weight_decay: weightDecay, clip_norm: clipNorm },
});
const backend = await startBackend({ threads, oneDnn: config.trainer.onednn });
const student = open();
const batches = work.batches.map((batch) => ({ pairs: pairsOf(batch), distillation: distillationOf(batch) }));
let step = 0;

const train = (i: number): number[] => {
  step++;
  return [student.distill(batches[i]!.distillation, { step, learningRate }).loss];
};
const score = (i: number): number[] => [...student.score(batches[i]!.pairs)];
const hello = { threads, versions: { node: process.version, tensorflow: backend.version } };
await serve(work, hello, work.task === 'train' ? train : score);

function open(): StudentModel {
  const model = bertFromHuggingFace(JSON.parse(readFileSync(join(work.model, 'config.json'), 'utf8')));
  const opened = openStudent(backend, model, config);
  const weights = decodeSafetensors(readFileSync(join(work.model, 'model.safetensors')));
  opened.restore({ weights, moments: new Map() });
  return opened;
}

function pairsOf({ sequences }: Batch): EncodedPair[] {
  return sequences.map(({ ids, segments }) => ({
    ids: Int32Array.from(ids),
    segments: Int32Array.from(segments),
  }));
}

function distillationOf(batch: Batch): EncodedDistillation[] {
  const pairs = pairsOf(batch);
  const half = pairs.length / 2;
  return pairs.slice(0, half).map((positive, i) => ({
    positive,
    negative: pairs[half + i]!,
    positiveScore: batch.scores[i]!,
    negativeScore: batch.scores[half + i]!,
  }));
}
