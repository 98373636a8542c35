// An adapter as PEFT stores it: adapter_config.json and adapter_model.safetensors. What PEFT 0.21 writes for
// a LlamaForSequenceClassification, and reads: `PeftModel.from_pretrained(base, directory)`.
import type { Tensors } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { LoraSettings } from './lora.ts';

export const peftFiles = {
  config: 'adapter_config.json',
  weights: 'adapter_model.safetensors',
} as const;

/** PEFT wraps the model twice. */
const prefix = 'base_model.model.';

/** @param base name of the base model, as its `from_pretrained` takes it. */
export const peftConfig = (
  { rank, alpha, targetModules }: LoraSettings,
  base: string,
): Readonly<Record<string, unknown>> => ({
  peft_type: 'LORA',
  task_type: 'SEQ_CLS',
  base_model_name_or_path: base,
  revision: null,
  r: rank,
  lora_alpha: alpha,
  lora_dropout: 0,
  target_modules: [...targetModules],
  modules_to_save: ['score'],
  bias: 'none',
  fan_in_fan_out: false,
  init_lora_weights: true,
  use_rslora: false,
  use_dora: false,
  inference_mode: true,
});

/** Weights of an adapter and its head, by the names of PEFT's file. */
export const toPeft = (weights: Tensors): Tensors =>
  new Map([...weights].map(([name, tensor]) => [prefix + name, tensor]));

/**
 * The other way round.
 *
 * @throws RestillError `MODEL_DAMAGED` naming a tensor that is not named as PEFT does it.
 */
export function fromPeft(tensors: Tensors): Tensors {
  const stranger = [...tensors.keys()].find((name) => !name.startsWith(prefix));
  if (stranger !== undefined)
    throw new RestillError(
      'MODEL_DAMAGED',
      `${peftFiles.weights} has a tensor ${stranger}, whose name does not begin with ${prefix}; ` +
        'it was not written by PEFT or by restill, use another one',
    );
  return new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
