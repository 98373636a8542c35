// Invariants checked here:
// 1. What is written is read back as the same config (property).
// 2. The student's config.json has every key that some server asks for.
// 3. A config.json that asks for something we do not do is refused by key and value; a broken one is named.
// 4. Configs as they stand on the Hugging Face hub are read rightly (MiniLM, SmolLM2, Qwen2 as excerpts).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BertConfig,
  bertFromHuggingFace,
  bertToHuggingFace,
  type LlamaConfig,
  llamaFromHuggingFace,
  llamaToHuggingFace,
} from '../../src/tensor/model-config.ts';
import type { RopeScaling } from '../../src/tensor/rope.ts';

const size = fc.integer({ min: 1, max: 64 });
const epsilon = fc.constantFrom(1e-12, 1e-6, 1e-5);
const throughJson = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));

const bert: fc.Arbitrary<BertConfig> = fc
  .record({
    vocabulary: size,
    layers: size,
    heads: size,
    intermediate: size,
    positions: size,
    segments: size,
    epsilon,
  })
  .chain((rest) => size.map((headSize) => ({ ...rest, hidden: rest.heads * headSize })));

const ropeScaling: fc.Arbitrary<RopeScaling | null> = fc.oneof(
  fc.constant(null),
  fc.record({ type: fc.constant('linear' as const), factor: size }),
  fc.record({
    type: fc.constant('llama3' as const),
    ...{ factor: size, lowFrequency: fc.constant(1), highFrequency: fc.constantFrom(2, 4) },
    originalPositions: size,
  }),
);

const llama: fc.Arbitrary<LlamaConfig> = fc
  .record({
    ...{
      vocabulary: size,
      layers: size,
      hidden: size,
      keyValueHeads: size,
      intermediate: size,
      positions: size,
    },
    ...{
      ropeTheta: fc.constantFrom(10_000, 100_000, 1e6),
      ropeScaling,
      epsilon,
      tied: fc.boolean(),
      attentionBias: fc.boolean(),
    },
    ...{ half: size, group: size },
  })
  .map(({ half, group, ...rest }) => ({ ...rest, headSize: 2 * half, heads: group * rest.keyValueHeads }));

const student: BertConfig = {
  ...{ vocabulary: 30_522, layers: 6, hidden: 384, heads: 12, intermediate: 1536, positions: 512 },
  ...{ segments: 2, epsilon: 1e-12 },
};
const teacher: LlamaConfig = {
  ...{ vocabulary: 49_152, layers: 30, hidden: 576, heads: 9, keyValueHeads: 3, headSize: 64 },
  ...{
    intermediate: 1536,
    positions: 8192,
    ropeTheta: 100_000,
    ropeScaling: null,
    epsilon: 1e-5,
    tied: true,
    attentionBias: false,
  },
};
const special = { begin: 1, end: 2, pad: 3 };

describe('bertToHuggingFace', () => {
  it('writes every key that a server asks for', () => {
    expect(bertToHuggingFace(student)).toEqual({
      architectures: ['BertForSequenceClassification'],
      ...{ model_type: 'bert', vocab_size: 30_522, hidden_size: 384, num_hidden_layers: 6 },
      ...{ num_attention_heads: 12, intermediate_size: 1536, hidden_act: 'gelu', hidden_dropout_prob: 0.1 },
      ...{ attention_probs_dropout_prob: 0.1, max_position_embeddings: 512, type_vocab_size: 2 },
      ...{ initializer_range: 0.02, layer_norm_eps: 1e-12, pad_token_id: 0 },
      ...{ position_embedding_type: 'absolute', classifier_dropout: null },
      ...{ id2label: { '0': 'LABEL_0' }, label2id: { LABEL_0: 0 }, num_labels: 1 },
      sentence_transformers: { activation_fn: 'torch.nn.modules.linear.Identity', version: '5.0.0' },
      sbert_ce_default_activation_function: 'torch.nn.modules.linear.Identity',
      torch_dtype: 'float32',
    });
  });

  it('names the pad of the tokenizer', () => {
    expect(bertToHuggingFace(student, 7)).toEqual({ ...bertToHuggingFace(student), pad_token_id: 7 });
  });

  it('is read back as the same config', () => {
    fc.assert(
      fc.property(bert, (config) => {
        expect(bertFromHuggingFace(throughJson(bertToHuggingFace(config)))).toEqual(config);
      }),
    );
  });
});

describe('bertFromHuggingFace', () => {
  it('reads a bare model and fills in what old files leave out', () => {
    const miniLm = {
      ...{ architectures: ['BertModel'], model_type: 'bert', hidden_act: 'gelu', hidden_size: 384 },
      ...{ intermediate_size: 1536, max_position_embeddings: 512, num_attention_heads: 12 },
      ...{ num_hidden_layers: 6, vocab_size: 30_522, gradient_checkpointing: false },
    };
    expect(bertFromHuggingFace(miniLm)).toEqual(student);
  });

  const refused: [string, unknown, string][] = [
    ['model_type', 'roberta', 'model_type is "roberta"; restill supports "bert". Use another model'],
    ['architectures', ['BertForTokenClassification'], 'architectures is ["BertForTokenClassification"]'],
    ['hidden_act', 'relu', 'hidden_act is "relu"; restill supports "gelu" or absent'],
    ['hidden_act', 'gelu_new', 'hidden_act is "gelu_new"'],
    ['position_embedding_type', 'relative_key', 'position_embedding_type is "relative_key"'],
    ['is_decoder', true, 'is_decoder is true'],
    ['num_labels', 3, 'num_labels is 3'],
    ['id2label', { 0: 'no', 1: 'yes' }, 'id2label is {"0":"no","1":"yes"}'],
    ['quantization_config', { bits: 4 }, 'quantization_config is {"bits":4}'],
  ];
  it.each(refused)('refuses %s %j', (key, value, message) => {
    const attempt = (): unknown => bertFromHuggingFace({ ...bertToHuggingFace(student), [key]: value });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  it('refuses a classifier that says nothing of labels: it has two', () => {
    const { num_labels: _n, id2label: _i, label2id: _l, ...silent } = bertToHuggingFace(student);
    expect(() => bertFromHuggingFace(silent)).toThrow('id2label is undefined');
  });

  const damaged: [string, unknown, string][] = [
    ['hidden_size', '384', 'hidden_size is "384", not a positive whole number'],
    ['num_hidden_layers', undefined, 'num_hidden_layers is missing, not a positive whole number'],
    ['vocab_size', 0, 'vocab_size is 0'],
    ['layer_norm_eps', -1, 'layer_norm_eps is -1, not a positive number'],
    ['num_attention_heads', 7, 'num_attention_heads is 7, which does not divide hidden_size 384'],
  ];
  it.each(damaged)('names a broken %s %j', (key, value, message) => {
    const attempt = (): unknown => bertFromHuggingFace({ ...bertToHuggingFace(student), [key]: value });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DAMAGED' }));
  });

  it('names a file that is no object', () => {
    expect(() => bertFromHuggingFace([1])).toThrow('config.json: it is not a JSON object');
  });
});

describe('llamaToHuggingFace', () => {
  it('is read back as the same config', () => {
    fc.assert(
      fc.property(llama, (config) => {
        expect(llamaFromHuggingFace(throughJson(llamaToHuggingFace(config, special)))).toEqual(config);
      }),
    );
  });

  it('writes the base of the rotary embeddings for old and new readers, and names the special tokens', () => {
    expect(llamaToHuggingFace(teacher, special)).toMatchObject({
      ...{
        architectures: ['LlamaForSequenceClassification'],
        model_type: 'llama',
        id2label: { 0: 'LABEL_0' },
      },
      ...{ num_labels: 1, num_key_value_heads: 3, head_dim: 64 },
      ...{ rope_theta: 100_000, rope_parameters: { rope_type: 'default', rope_theta: 100_000 } },
      ...{ tie_word_embeddings: true, bos_token_id: 1, eos_token_id: 2, pad_token_id: 3 },
    });
  });

  it('names another token as the pad where the end is one: readers look for the last that is none', () => {
    const shared = { ...special, pad: special.end };
    expect(llamaToHuggingFace(teacher, shared)).toMatchObject({ eos_token_id: 2, pad_token_id: 1 });
  });

  it('calls biases on q, k and v alone Qwen2', () => {
    const json = llamaToHuggingFace({ ...teacher, attentionBias: true }, special);
    expect(json).toMatchObject({ architectures: ['Qwen2ForSequenceClassification'], model_type: 'qwen2' });
    expect(json).not.toHaveProperty('attention_bias');
  });
});

describe('llamaFromHuggingFace', () => {
  const json = llamaToHuggingFace(teacher, special);

  it('reads a classifier with one label', () => {
    const classifier = { architectures: ['LlamaForSequenceClassification'], id2label: { 0: 'LABEL_0' } };
    expect(llamaFromHuggingFace({ ...json, ...classifier, layer_types: ['full_attention'] })).toEqual(
      teacher,
    );
  });

  it('reads SmolLM2, which names no head size', () => {
    const { head_dim: _h, rope_parameters: _r, ...old } = json;
    expect(llamaFromHuggingFace({ ...old, rope_scaling: null, pretraining_tp: 1 })).toEqual(teacher);
  });

  it('reads the base where transformers 5 writes it', () => {
    const { rope_theta: _t, rope_scaling: _s, ...modern } = json;
    expect(llamaFromHuggingFace(modern).ropeTheta).toBe(100_000);
  });

  it('takes defaults as transformers does', () => {
    const { num_key_value_heads: _k, rope_theta: _t, rope_parameters: _p, rms_norm_eps: _e, ...old } = json;
    const { tie_word_embeddings: _w, ...bare } = old;
    const read = llamaFromHuggingFace(bare);
    expect(read).toMatchObject({ keyValueHeads: 9, ropeTheta: 10_000, epsilon: 1e-6, tied: false });
  });

  const refused: [string, unknown, string][] = [
    ['model_type', 'mistral', 'model_type is "mistral"; restill supports "llama" or "qwen2"'],
    ['hidden_act', 'gelu', 'hidden_act is "gelu"'],
    ['attention_bias', true, 'attention_bias is true'],
    ['mlp_bias', true, 'mlp_bias is true'],
    ['use_sliding_window', true, 'use_sliding_window is true'],
    ['architectures', ['LlamaForTokenClassification'], 'architectures is ["LlamaForTokenClassification"]'],
    ['id2label', { 0: 'no', 1: 'yes' }, 'id2label is {"0":"no","1":"yes"}'],
    ['num_labels', 2, 'num_labels is 2'],
    ['layer_types', ['full_attention', 'sliding_attention'], 'layer_types is ["full_attention","sliding'],
    ['head_dim', 63, 'head_dim is 63; restill supports "an even number"'],
  ];
  it.each(refused)('refuses %s %j', (key, value, message) => {
    const attempt = (): unknown => llamaFromHuggingFace({ ...json, [key]: value });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  it('names heads that cannot be grouped, and a flag that is none', () => {
    expect(() => llamaFromHuggingFace({ ...json, num_key_value_heads: 4 })).toThrow(
      'num_key_value_heads is 4, which does not divide num_attention_heads 9',
    );
    expect(() => llamaFromHuggingFace({ ...json, tie_word_embeddings: 'yes' })).toThrow(
      'tie_word_embeddings is "yes", not true or false',
    );
  });
});
