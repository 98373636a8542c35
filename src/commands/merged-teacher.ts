// A generation's teacher with its adapter merged into the model that it was trained beside.
import type { Generation, GenerationStore } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { llamaParameters } from '../tensor/llama.ts';
import { adapterOf } from '../tensor/lora.ts';
import { mergeAdapter } from '../tensor/lora-merge.ts';
import { modelDigest } from '../tensor/model-digest.fs.ts';
import { openModelDirectory } from '../tensor/model-directory.fs.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import { readConfig, readTeacher } from '../trainer/snapshot.tf.ts';

/**
 * Bytes of its model.safetensors.
 *
 * @throws RestillError `USAGE` where there is no adapter; `GENERATION_FOREIGN` where the directory that it
 *   names holds another model by now; what `openModelDirectory` throws.
 */
export async function mergedTeacher(store: GenerationStore, generation: Generation): Promise<Uint8Array> {
  const { id, starts } = generation.manifest;
  const read = (path: string) => store.read(generation, path);
  const config = await readConfig(read);
  const { adapter: settings, start } = config.teacher;
  if (!settings || start === null)
    throw new RestillError(
      'USAGE',
      `the teacher of generation ${id} has no adapter to merge: all of its weights were trained; ` +
        'leave --merged out',
    );
  const digest = modelDigest(start);
  if (starts && starts.teacher !== digest)
    throw new RestillError(
      'GENERATION_FOREIGN',
      `the adapter of generation ${id} was trained beside a model of SHA-256 ${starts.teacher}, ` +
        `but ${start} now holds ${digest}; put the model back as it was, or export without --merged`,
    );
  const base = openModelDirectory(start, { seed: config.seed, layers: null });
  if (base.family !== 'llama') throw new RestillError('MODEL_UNSUPPORTED', `${start} is no decoder`);
  const adapter = adapterOf(llamaParameters(base.config), settings);
  return encodeSafetensors(mergeAdapter(base.weights, await readTeacher(read, config), adapter));
}
