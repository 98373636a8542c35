// Invariants checked here, on copies of the golden directories that transformers wrote, changed by hand:
// 1. The weights are exactly the parameters of the model, whatever prefix, old names, unused heads or files
//    they come in.
// 2. What a bare model lacks of a head is fresh, named, and follows from the seed; a model that claims a head
//    must have it.
// 3. Kept layers are the file's, numbered anew.
// 4. Every other tensor that is missing or surplus is named (property: each one), and so is one of another
//    shape or with a number that is none, a missing file, a key of config.json that we do not have.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedTensor, Tensors } from '../../src/contract.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { llamaParameters } from '../../src/tensor/llama.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { decodeSafetensors, encodeSafetensors, hashTensors } from '../../src/tensor/safetensors.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { goldenPath } from '../support/golden.ts';

const golden = (name: string): string => goldenPath(`tiny/${name}`);
const open = (path: string, layers: readonly number[] | null = null, seed = 1) =>
  openModelDirectory(path, { seed, layers });

interface Changes {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Map<string, NamedTensor>) => Tensors | undefined;
  readonly remove?: readonly string[];
  readonly write?: Readonly<Record<string, string>>;
}

/** A golden directory of one weights file, changed. */
function changed(name: string, { config, tensors, remove = [], write = {} }: Changes): string {
  const path = temporaryDirectory();
  cpSync(golden(name), path, { recursive: true });
  const file = join(path, 'config.json');
  if (config) writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...config }));
  if (tensors) {
    const before = new Map(decodeSafetensors(readFileSync(join(path, 'model.safetensors'))));
    writeFileSync(join(path, 'model.safetensors'), encodeSafetensors(tensors(before) ?? before));
  }
  for (const gone of remove) rmSync(join(path, gone));
  for (const [added, text] of Object.entries(write)) writeFileSync(join(path, added), text);
  return path;
}

const without = (name: string) => (tensors: Map<string, NamedTensor>) => {
  tensors.delete(name);
  return tensors;
};
const zeros = (...shape: number[]): NamedTensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
const renamed = (tensors: Tensors, name: (old: string) => string): Tensors =>
  new Map([...tensors].map(([old, tensor]) => [name(old), tensor]));
const failure = (attempt: () => unknown): { code: string; message: string } => {
  try {
    attempt();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'none', message: '' };
};

describe('a BERT', () => {
  const whole = open(golden('bert'));

  it('has all parameters of the model and none besides, from the file alone', () => {
    if (whole.family !== 'bert') throw new Error('not a BERT');
    expect(whole.fresh).toEqual([]);
    expect([...whole.weights].map(([name, { shape }]) => [name, shape])).toEqual(
      bertParameters(whole.config).map(({ name, shape }) => [name, shape]),
    );
    expect(whole.config).toMatchObject({ layers: 3, hidden: 16, vocabulary: 64, positions: 24 });
    expect(JSON.parse(whole.tokenizer)).toMatchObject({ model: { type: 'WordPiece' } });
    expect(JSON.parse(whole.tokenizerConfig)).toMatchObject({ cls_token: '[CLS]' });
  });

  it('gets a head that follows from the seed, when it is a bare encoder', () => {
    const bare = open(golden('bert-bare'));
    expect(bare.fresh).toEqual(['classifier.weight', 'classifier.bias']);
    for (const [name, { data }] of whole.weights)
      if (!bare.fresh.includes(name)) expect([name, bare.weights.get(name)!.data]).toEqual([name, data]);
    expect(hashTensors(open(golden('bert-bare')).weights)).toBe(hashTensors(bare.weights));
    const other = open(golden('bert-bare'), null, 2).weights.get('classifier.weight');
    expect(other).not.toEqual(bare.weights.get('classifier.weight'));
    expect(Math.max(...other!.data)).toBeGreaterThan(0);
  });

  it('gets a pooler too, where the file has none', () => {
    const pooler = ['pooler.dense.weight', 'pooler.dense.bias'];
    const bare = open(
      changed('bert-bare', { tensors: (t) => new Map([...t].filter(([name]) => !pooler.includes(name))) }),
    );
    expect(bare.fresh).toEqual([
      ...pooler.map((name) => `bert.${name}`),
      'classifier.weight',
      'classifier.bias',
    ]);
  });

  it('is read with the names of the first BERT, heads of other tasks and no config of the tokenizer', () => {
    const path = changed('bert', {
      config: { architectures: ['BertForMaskedLM'] },
      remove: ['tokenizer_config.json'],
      tensors: (t) =>
        new Map([
          ...renamed(t, (name) =>
            name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
          ),
          ['cls.predictions.bias', zeros(64)],
        ]),
    });
    expect(hashTensors(open(path).weights)).toBe(hashTensors(whole.weights));
    expect(open(path).tokenizerConfig).toBe('{}');
  });

  it('keeps the layers asked for, numbered anew', () => {
    const kept = open(golden('bert'), [0, 2]);
    if (kept.family !== 'bert') throw new Error('not a BERT');
    expect(kept.config.layers).toBe(2);
    expect([...kept.weights.keys()]).toEqual(bertParameters(kept.config).map(({ name }) => name));
    const layer = (i: number, weights: Tensors) =>
      [...weights]
        .filter(([name]) => name.startsWith(`bert.encoder.layer.${i}.`))
        .map(([, tensor]) => tensor);
    expect(layer(0, kept.weights)).toEqual(layer(0, whole.weights));
    expect(layer(1, kept.weights)).toEqual(layer(2, whole.weights));
    expect(kept.weights.get('classifier.weight')).toEqual(whole.weights.get('classifier.weight'));
  });

  it.each([[[]], [[0, 3]], [[1, 0]], [[1, 1]], [[-1]], [[0.5]]])('refuses to keep layers %j', (layers) => {
    const { code, message } = failure(() => open(golden('bert'), layers));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('it has 3: name one or more from 0 to 2');
  });

  it('names each tensor that is missing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...whole.weights.keys()), (name) => {
        const path = changed('bert', { tensors: without(name) });
        expect(failure(() => open(path))).toMatchObject({
          code: 'MODEL_DAMAGED',
          message: expect.stringContaining(`${path}: the weights: ${name} is missing`),
        });
        rmSync(path, { recursive: true });
      }),
      { numRuns: 20 },
    );
  });

  it('does not take half a head for none', () => {
    const path = changed('bert-bare', { tensors: without('pooler.dense.bias') });
    expect(failure(() => open(path)).message).toContain('bert.pooler.dense.bias is missing');
  });
});

describe('a decoder', () => {
  it.each(['llama-tied', 'llama-untied', 'llama3', 'qwen2'])(
    '%s has all parameters, the score fresh',
    (name) => {
      const { family, config, weights, fresh } = open(golden(name));
      if (family !== 'llama') throw new Error('not a decoder');
      expect(fresh).toEqual(['score.weight']);
      expect([...weights].map(([parameter, { shape }]) => [parameter, shape])).toEqual(
        llamaParameters(config).map(({ name: parameter, shape }) => [parameter, shape]),
      );
    },
  );

  it('has its own score, where it has one', () => {
    const score = { shape: [1, 16], data: Float32Array.from({ length: 16 }, (_, i) => i) };
    const tensors = (t: Map<string, NamedTensor>) => t.set('score.weight', score);
    const config = { architectures: ['LlamaForSequenceClassification'], id2label: { 0: 'LABEL_0' } };
    const read = open(changed('llama-tied', { config, tensors }));
    expect([read.fresh, read.weights.get('score.weight')]).toEqual([[], score]);
    const headless = changed('llama-tied', { config });
    expect(failure(() => open(headless)).message).toContain('score.weight is missing');
  });

  it('is the same in several files with an index as in one', () => {
    const sharded = golden('llama-untied');
    const { weight_map } = JSON.parse(readFileSync(join(sharded, 'model.safetensors.index.json'), 'utf8'));
    const files = [...new Set<string>(Object.values(weight_map))];
    expect(files.length).toBeGreaterThan(1);
    const all = files.flatMap((file) => [...decodeSafetensors(readFileSync(join(sharded, file)))]);
    const path = changed('llama-untied', { remove: [...files, 'model.safetensors.index.json'] });
    writeFileSync(join(path, 'model.safetensors'), encodeSafetensors(new Map(all)));
    expect(hashTensors(open(path).weights)).toBe(hashTensors(open(sharded).weights));
    const broken = changed('llama-untied', { remove: [files[1]!] });
    expect(failure(() => open(broken))).toMatchObject({
      code: 'MODEL_DAMAGED',
      message: expect.stringContaining(`${files[1]} cannot be read`),
    });
  });

  it('loads without the prefix of the whole model', () => {
    const path = changed('llama-tied', {
      config: { architectures: ['LlamaModel'] },
      tensors: (t) => renamed(t, (name) => name.replace(/^model\./, '')),
    });
    expect(hashTensors(open(path).weights)).toBe(hashTensors(open(golden('llama-tied')).weights));
  });

  it('ignores the output matrix of a tied model and what follows from config.json', () => {
    const path = changed('llama-tied', {
      tensors: (t) =>
        t.set('lm_head.weight', zeros(112, 16)).set('model.layers.0.self_attn.rotary_emb.inv_freq', zeros(3)),
    });
    expect(hashTensors(open(path).weights)).toBe(hashTensors(open(golden('llama-tied')).weights));
  });

  it('needs the output matrix of one that is not tied', () => {
    const path = changed('qwen2', { tensors: without('lm_head.weight') });
    expect(failure(() => open(path)).message).toContain('the weights: lm_head.weight is missing');
  });
});

const refusals: [string, string, Changes, string, string][] = [
  [
    'surplus tensors',
    'llama-tied',
    { tensors: (t) => t.set('model.layers.0.self_attn.o_proj.bias', zeros(16)).set('x', zeros(1)) },
    'MODEL_DAMAGED',
    'the weights: model.layers.0.self_attn.o_proj.bias, x are in it and no part of the model',
  ],
  [
    'more layers than config.json says',
    'bert',
    { config: { num_hidden_layers: 2 } },
    'MODEL_DAMAGED',
    'LayerNorm.bias, bert.encoder.layer.2.attention.output.LayerNorm.weight, ' +
      'bert.encoder.layer.2.attention.output.dense.bias and 13 more are in it',
  ],
  [
    'both an old and a new name',
    'bert',
    { tensors: (t) => t.set('bert.embeddings.LayerNorm.gamma', zeros(16)) },
    'MODEL_DAMAGED',
    'in it and no part of the model',
  ],
  [
    'a weight that is not a number',
    'bert',
    { tensors: (t) => t.set('classifier.bias', { shape: [1], data: Float32Array.of(Number.NaN) }) },
    'MODEL_DAMAGED',
    'tensor classifier.bias has NaN among its numbers',
  ],
  [
    'another shape',
    'bert',
    { tensors: (t) => t.set('classifier.weight', zeros(2, 16)) },
    'MODEL_DAMAGED',
    'tensor classifier.weight is [2, 16], by config.json [1, 16]',
  ],
  [
    'another family',
    'bert',
    { config: { model_type: 'roberta' } },
    'MODEL_UNSUPPORTED',
    'model_type is "roberta"',
  ],
  [
    'a key',
    'bert',
    { config: { hidden_act: 'relu' } },
    'MODEL_UNSUPPORTED',
    'config.json: hidden_act is "relu"',
  ],
  ['no config', 'bert', { remove: ['config.json'] }, 'MODEL_DAMAGED', 'config.json cannot be read (ENOENT'],
  ['a broken config', 'bert', { write: { 'config.json': '{' } }, 'MODEL_DAMAGED', 'config.json is not JSON'],
  ['no tokenizer', 'bert', { remove: ['tokenizer.json'] }, 'MODEL_DAMAGED', 'tokenizer.json cannot be read'],
  [
    'no weights',
    'bert',
    { remove: ['model.safetensors'] },
    'MODEL_DAMAGED',
    'there is neither model.safetensors',
  ],
  [
    'weights in another format',
    'bert',
    { remove: ['model.safetensors'], write: { 'pytorch_model.bin': '' } },
    'MODEL_UNSUPPORTED',
    'restill reads no other format',
  ],
  [
    'a tokenizer of another model',
    'bert-bare',
    { write: { 'tokenizer.json': readFileSync(join(golden('llama-tied'), 'tokenizer.json'), 'utf8') } },
    'MODEL_DAMAGED',
    'tokenizer.json has ids up to 107, but vocab_size of config.json is 64',
  ],
  [
    'cut weights',
    'bert',
    { write: { 'model.safetensors': '' } },
    'MODEL_DAMAGED',
    'model.safetensors: it has 0',
  ],
];

describe('what is refused', () => {
  it.each(refusals)('%s', (_, name, changes, code, message) => {
    const path = changed(name, changes);
    const error = failure(() => open(path));
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(error.message.startsWith(`${path}: `)).toBe(true);
  });

  it('a directory that is none', () => {
    expect(failure(() => open(golden('nowhere'))).code).toBe('MODEL_DAMAGED');
  });
});
