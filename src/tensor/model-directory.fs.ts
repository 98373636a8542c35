// A model as people have it: a Hugging Face directory with config.json, tokenizer.json, tokenizer_config.json
// and the weights, in model.safetensors or in several files with an index.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { RestillError } from '../errors.ts';
import { bertParameters } from './bert.ts';
import { ConfigReader } from './config-reader.ts';
import { llamaParameters } from './llama.ts';
import {
  type BertConfig,
  bertFromHuggingFace,
  type LlamaConfig,
  llamaFromHuggingFace,
} from './model-config.ts';
import {
  bertLayout,
  type LoadedModel,
  llamaLayout,
  readWeights,
  type TokenizerTexts,
  tiedLayout,
  type WeightLayout,
} from './model-weights.ts';
import type { ParameterSpec } from './parameters.ts';
import { type ByteSource, openSafetensors, type SafetensorsFile } from './safetensors.ts';
import { indexName, openSharded } from './sharded.ts';
import { openTokenizer } from './tokenizer.ts';

/** What config.json says. */
export type Described =
  | { readonly family: 'bert'; readonly config: BertConfig }
  | { readonly family: 'llama'; readonly config: LlamaConfig };

export interface OpenOptions {
  /** Of a head that the directory lacks. */
  readonly seed: number;
  /** Numbers of the layers to keep, ascending; null: all. */
  readonly layers: readonly number[] | null;
}

/**
 * Reads a directory whole; weights become float32. A bare encoder or decoder, as it is published for
 * embeddings or for text, gets a fresh head: see `fresh`.
 *
 * @throws RestillError `MODEL_UNSUPPORTED` naming the key of config.json that asks for something we do not
 *   have; `MODEL_DAMAGED` naming the file, and the key or tensor; `CONFIG_INVALID` for layers that the model
 *   does not have.
 */
export function openModelDirectory(path: string, { seed, layers }: OpenOptions): LoadedModel {
  return inDirectory(path, () => {
    const json = parseJson(readText(path, 'config.json'));
    const whole = describe(json);
    const described = keepLayers(whole, layers);
    const tokenizer = readTokenizer(path, whole.config.vocabulary);
    const how = { ...parametersOf(whole), layers, headRequired: claimsHead(json), seed };
    return { ...readWeights(openWeights(path), how), ...tokenizer, ...described };
  });
}

/** The `family` and `config` that `openModelDirectory` will give, from config.json alone. Errors as there. */
export function describeModelDirectory(path: string, layers: readonly number[] | null): Described {
  return inDirectory(path, () => keepLayers(describe(parseJson(readText(path, 'config.json'))), layers));
}

/** Errors that are about a file or a key say in which directory. */
function inDirectory<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RestillError)) throw error;
    throw new RestillError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

function describe(json: unknown): Described {
  const from = new ConfigReader(json);
  from.only('model_type', ['bert', 'llama', 'qwen2']);
  return from.value('model_type') === 'bert'
    ? { family: 'bert', config: bertFromHuggingFace(json) }
    : { family: 'llama', config: llamaFromHuggingFace(json) };
}

function claimsHead(json: unknown): boolean {
  const architectures = new ConfigReader(json).value('architectures');
  return Array.isArray(architectures) && String(architectures[0]).endsWith('ForSequenceClassification');
}

function parametersOf(described: Described): { specs: ParameterSpec[]; layout: WeightLayout } {
  if (described.family === 'bert') return { specs: bertParameters(described.config), layout: bertLayout };
  const layout = described.config.tied ? tiedLayout : llamaLayout;
  return { specs: llamaParameters(described.config), layout };
}

function keepLayers(described: Described, kept: readonly number[] | null): Described {
  if (kept === null) return described;
  checkLayers(kept, described.config.layers);
  const layers = kept.length;
  return described.family === 'bert'
    ? { family: 'bert', config: { ...described.config, layers } }
    : { family: 'llama', config: { ...described.config, layers } };
}

function checkLayers(kept: readonly number[], layers: number): void {
  const fits = kept.every(
    (layer, i) =>
      Number.isInteger(layer) && layer >= 0 && layer < layers && (i === 0 || layer > kept[i - 1]!),
  );
  if (kept.length > 0 && fits) return;
  throw new RestillError(
    'CONFIG_INVALID',
    `the layers to keep are [${kept.join(', ')}]; it has ${layers}: ` +
      `name one or more from 0 to ${layers - 1}, in ascending order`,
  );
}

function readTokenizer(path: string, rows: number): TokenizerTexts {
  const tokenizer = readText(path, 'tokenizer.json');
  const name = 'tokenizer_config.json';
  const tokenizerConfig = existsSync(join(path, name)) ? readText(path, name) : '{}';
  const { vocabulary } = openTokenizer(tokenizer, tokenizerConfig);
  if (vocabulary > rows)
    throw new RestillError(
      'MODEL_DAMAGED',
      `tokenizer.json has ids up to ${vocabulary - 1}, but vocab_size of config.json is ${rows}; ` +
        'fetch both from the same model',
    );
  return { tokenizer, tokenizerConfig };
}

// ---------------------------------------------------------------- files

function openWeights(path: string): SafetensorsFile {
  const has = (name: string) => existsSync(join(path, name));
  if (has('model.safetensors')) return openFile(path, 'model.safetensors');
  if (has(indexName)) return openSharded(readText(path, indexName), (name) => openFile(path, name));
  throw new RestillError(
    has('pytorch_model.bin') ? 'MODEL_UNSUPPORTED' : 'MODEL_DAMAGED',
    `there is neither model.safetensors nor ${indexName}; restill reads no other format. ` +
      "Fetch them, or make them with transformers' save_pretrained",
  );
}

const openFile = (path: string, name: string): SafetensorsFile =>
  openSafetensors(fileSource(path, name), name);

/** Reads piece by piece: a model may be larger than what Node reads at once. Errors: MODEL_DAMAGED. */
export function fileSource(path: string, name: string): ByteSource {
  return {
    bytes: withFile(path, name, (file) => fstatSync(file).size),
    read: (offset, length) =>
      withFile(path, name, (file) => {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length; ) {
          const count = readSync(file, bytes, done, Math.min(length - done, chunkBytes), offset + done);
          if (count === 0) throw new Error(`the file ends before byte ${offset + length}`);
          done += count;
        }
        return bytes;
      }),
  };
}

/** Linux reads at most 2 GiB at a time. */
const chunkBytes = 1 << 30;

export const readText = (path: string, name: string): string =>
  withFile(path, name, (file) => readFileSync(file, 'utf8'));

/** Opened anew for each read: a few hundred times at most, and nothing is left open by an error. */
function withFile<T>(path: string, name: string, use: (file: number) => T): T {
  let file: number | null = null;
  try {
    file = openSync(join(path, name), 'r');
    return use(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RestillError('MODEL_DAMAGED', `${name} cannot be read (${reason}); fetch it again`, {
      cause: error,
    });
  } finally {
    if (file !== null) closeSync(file);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RestillError('MODEL_DAMAGED', 'config.json is not JSON; fetch it again', { cause: error });
  }
}
