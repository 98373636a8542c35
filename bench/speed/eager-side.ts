// The same model and loss run op by op in tfjs, with tfjs's gradients and its Adam: what compiling is
// compared with. Packed like ours, so that only the way of running differs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node-gpu';
import { startBackend } from '../../src/tensor/backend.tf.ts';
import { bertParameters, bertScores } from '../../src/tensor/bert.ts';
import { EagerOps } from '../../src/tensor/eager-ops.tf.ts';
import { bertFromHuggingFace } from '../../src/tensor/model-config.ts';
import { type PackedBatch, pack } from '../../src/tensor/packing.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import { hybridMse } from '../../src/trainer/losses.ts';
import { readWork, serve } from './protocol.ts';
import type { Batch } from './work.ts';

const work = readWork();
const { tf, ...backend } = await startBackend({ threads: work.threads, oneDnn: true });
const model = bertFromHuggingFace(JSON.parse(readFileSync(join(work.model, 'config.json'), 'utf8')));
const weights = decodeSafetensors(readFileSync(join(work.model, 'model.safetensors')));
const variables = new Map(
  [...weights].map(([name, { data, shape }]) => [name, tf.variable(tf.tensor(data, [...shape]))]),
);
const decaying = bertParameters(model).flatMap(({ name, decay }) => (decay ? [variables.get(name)!] : []));
const optimizer = tf.train.adam(work.learningRate, 0.9, 0.999, 1e-8);
const ops = new EagerOps(tf, variables);

const hello = {
  threads: work.threads,
  versions: { tfjs: tf.version_core, tensorflow: backend.version },
};
await serve(work, hello, work.task === 'train' ? train : score);

function tensors({ sequences }: Batch): PackedBatch<tfjs.Tensor> {
  const packed = pack(
    sequences.map(({ ids, segments }) => ({
      ids: Int32Array.from(ids),
      segments: Int32Array.from(segments),
    })),
  );
  const entries = Object.entries(packed).map(([name, { data, shape }]) => {
    const type = data instanceof Float32Array ? 'float32' : 'int32';
    return [name, tf.tensor(data, shape, type)] as const;
  });
  return Object.fromEntries(entries) as unknown as PackedBatch<tfjs.Tensor>;
}

/** Gradient, clip, decay, move: the steps of optimizer.ts. */
function train(i: number): number[] {
  const batch = work.batches[i]!;
  const loss = tf.tidy(() => {
    const inputs = tensors(batch);
    const teacher = tf.tensor1d([...batch.scores]);
    const forward = () => hybridMse(ops, bertScores(ops, model, inputs), teacher, 0) as tfjs.Scalar;
    const { value, grads } = tf.variableGrads(forward);
    const norm = tf.sqrt(tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)))));
    const scale = tf.minimum(1, tf.div(work.clipNorm, norm));
    const clipped = Object.entries(grads).map(([name, gradient]) => ({
      name,
      tensor: tf.mul(gradient, scale),
    }));
    for (const variable of decaying) {
      variable.assign(tf.mul(variable, 1 - work.learningRate * work.weightDecay));
    }
    optimizer.applyGradients(clipped);
    return value;
  });
  return read(loss);
}

function score(i: number): number[] {
  return read(tf.tidy(() => bertScores(ops, model, tensors(work.batches[i]!))));
}

/** Outside of tidy, which would walk what it returns. */
function read(tensor: tfjs.Tensor): number[] {
  const values = [...tensor.dataSync()];
  tensor.dispose();
  return values;
}
