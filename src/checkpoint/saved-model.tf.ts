// A bundle for TensorFlow Serving, run as that server runs it: by the TensorFlow that it is loaded into.
import type { EncodedPair } from '../contract.ts';
import { type Backend, mapNativeError } from '../tensor/backend.tf.ts';
import { dataTypeNumber, servingTag } from '../tensor/graph-def.ts';
import { savedInputs } from './saved-model.ts';

/**
 * Logits of sequences, padded to the longest and in one batch.
 *
 * @param directory holds saved_model.pb.
 * @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph or its inputs.
 */
export function scoreSavedModel(
  { binding }: Backend,
  directory: string,
  batch: readonly EncodedPair[],
): number[] {
  const tensors: number[] = [];
  let model: number | null = null;
  try {
    model = binding.loadSavedModel(directory, servingTag);
    const longest = Math.max(...batch.map(({ ids }) => ids.length));
    // The addon takes an int64 as the two int32 that it is in memory.
    const padded = (row: (pair: EncodedPair) => Int32Array) => {
      const data = new Int32Array(2 * batch.length * longest);
      batch.forEach((pair, i) => {
        row(pair).forEach((value, at) => {
          data[2 * (i * longest + at)] = value;
        });
      });
      return data;
    };
    const rows = [padded((p) => p.ids), padded((p) => p.ids.map(() => 1)), padded((p) => p.segments)];
    for (const data of rows)
      tensors.push(binding.createTensor([batch.length, longest], dataTypeNumber('int64'), data));
    const names = savedInputs.map((name) => `${name}:0`).join(',');
    const [logits] = binding.runSavedModel(model, [...tensors], names, 'logits:0');
    tensors.push(logits!.id);
    return [...(binding.tensorDataSync(logits!.id) as Float32Array)];
  } catch (error) {
    throw mapNativeError(error, 'running a SavedModel');
  } finally {
    for (const tensor of tensors) binding.deleteTensor(tensor);
    if (model !== null) binding.deleteSavedModel(model);
  }
}
