// The weights of a model as our models want them, from a file as people publish it: without the family's
// prefix, without a head, with heads of other tasks, with names from before 2019.
//
// Invariants:
// 1. The result has exactly the parameters of the model, each of its shape.
// 2. Every weight comes from the file, except the modules of a head that the file has nothing of: these are
//    made from the seed, and named.
// 3. Every weight is a finite number.
// 4. Every tensor of the file is used, or known to have no part in a score or in the language model's loss.
import type { Tensors } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { BertConfig, LlamaConfig } from './model-config.ts';
import { initialize, type ParameterSpec } from './parameters.ts';
import type { SafetensorsFile } from './safetensors.ts';

/** A model with all weights that our models of its family have, to start from. */
export type LoadedModel = LoadedBert | LoadedLlama;
export type LoadedBert = ReadWeights & TokenizerTexts & { family: 'bert'; config: BertConfig };
export type LoadedLlama = ReadWeights & TokenizerTexts & { family: 'llama'; config: LlamaConfig };

export interface ReadWeights {
  readonly weights: Tensors;
  /** Parameters that the file lacks. */
  readonly fresh: readonly string[];
}

export interface TokenizerTexts {
  /** Text of tokenizer.json. */
  readonly tokenizer: string;
  /** Text of tokenizer_config.json; `{}` where there is none. */
  readonly tokenizerConfig: string;
}

/** How files of a family differ from the parameters of our model. */
export interface WeightLayout {
  /** Before every name of the encoder or decoder; files of a bare model leave it out. */
  readonly prefix: string;
  /** Before the number of a layer. */
  readonly layers: string;
  /** Modules that a file may lack as a whole. */
  readonly heads: readonly string[];
  /** What may stand in a file and is left there. */
  readonly unused: RegExp;
}

export const bertLayout: WeightLayout = {
  prefix: 'bert.',
  layers: 'bert.encoder.layer.',
  heads: ['bert.pooler.dense', 'classifier'],
  // Heads of the pre-training tasks; positions counted up, in old files.
  unused: /^cls\.|(^|\.)embeddings\.position_ids$/,
};

export const llamaLayout: WeightLayout = {
  prefix: 'model.',
  layers: 'model.layers.',
  heads: ['score'],
  unused: /\.rotary_emb\.inv_freq$/, // follow from config.json; old files repeat them
};

/** The output matrix of a tied model is the embedding table, whatever the file says. */
export const tiedLayout: WeightLayout = {
  ...llamaLayout,
  unused: /\.rotary_emb\.inv_freq$|^lm_head\.weight$/,
};

/**
 * @param o.specs all parameters, with all layers.
 * @param o.layers numbers of the layers to keep, ascending, which are numbered anew from 0; null: all.
 * @param o.headRequired whether the file claims to have a head.
 * @param o.seed of a fresh head.
 * @throws RestillError `MODEL_DAMAGED` naming tensors that are missing, surplus, of another shape or not
 *   finite.
 */
export function readWeights(
  file: SafetensorsFile,
  o: {
    readonly specs: readonly ParameterSpec[];
    readonly layout: WeightLayout;
    readonly layers: readonly number[] | null;
    readonly headRequired: boolean;
    readonly seed: number;
  },
): ReadWeights {
  const { specs, layout } = o;
  const sources = match(file, specs, layout);
  const inFile = (module: string) => specs.some((s) => moduleOf(s.name) === module && sources.has(s.name));
  const missing = specs.filter(({ name }) => !sources.has(name));
  const mayLack = (module: string) => !o.headRequired && layout.heads.includes(module) && !inFile(module);
  const lost = missing.filter(({ name }) => !mayLack(moduleOf(name)));
  if (lost.length > 0) throw damaged(`${listed(lost.map(({ name }) => name))} missing`);
  const fresh = initialize(missing, o.seed);
  const weights = new Map(
    specs.flatMap((spec) => {
      const name = keptName(spec.name, o.layers, layout);
      if (name === null) return [];
      return [[name, fresh.get(spec.name) ?? readShaped(file, sources.get(spec.name)!, spec)] as const];
    }),
  );
  return { weights, fresh: [...fresh.keys()] };
}

/** Which tensor of the file is which parameter. */
function match(
  file: SafetensorsFile,
  specs: readonly ParameterSpec[],
  { prefix, unused }: WeightLayout,
): Map<string, string> {
  const known = new Set(specs.map(({ name }) => name));
  const sources = new Map<string, string>();
  const surplus: string[] = [];
  for (const name of file.entries.keys()) {
    // The first BERT was TensorFlow's, and its norms kept their names: bert-base still has them.
    const modern = name
      .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
      .replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
    const parameter = [modern, prefix + modern].find((candidate) => known.has(candidate));
    if (parameter !== undefined && !sources.has(parameter)) sources.set(parameter, name);
    else if (parameter !== undefined || !unused.test(name)) surplus.push(name);
  }
  if (surplus.length > 0)
    throw damaged(`${listed(surplus)} in it and no part of the model that config.json describes`);
  return sources;
}

function readShaped(file: SafetensorsFile, source: string, { shape }: ParameterSpec) {
  const { shape: found } = file.entries.get(source)!;
  if (found.join() !== shape.join())
    throw damaged(`tensor ${source} is [${found.join(', ')}], by config.json [${shape.join(', ')}]`);
  const tensor = file.readTensor(source);
  // One such number makes every score one: a loss that nobody can lower, and a ranking that nobody can order.
  for (const value of tensor.data)
    if (!Number.isFinite(value)) throw damaged(`tensor ${source} has ${value} among its numbers`);
  return tensor;
}

/** Null for a parameter of a layer that is dropped. */
function keptName(name: string, kept: readonly number[] | null, { layers }: WeightLayout): string | null {
  if (kept === null || !name.startsWith(layers)) return name;
  const [number, ...rest] = name.slice(layers.length).split('.');
  const index = kept.indexOf(Number(number));
  return index < 0 ? null : `${layers}${index}.${rest.join('.')}`;
}

const moduleOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));

const listed = (names: readonly string[]): string => {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${names.slice(0, 3).join(', ')}${more} ${names.length === 1 ? 'is' : 'are'}`;
};

const damaged = (what: string): RestillError =>
  new RestillError('MODEL_DAMAGED', `the weights: ${what}; fetch it again, or use another model`);
