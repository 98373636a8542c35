// Checks:
// 1. Names and shapes are Hugging Face's (written down here by hand), weights [out, in].
// 2. Weight decay leaves out biases and norms.
// 3. A parameter's start depends on the seed and its own name alone.
import { describe, expect, test } from 'vitest';
import { bertParameters } from '../../src/tensor/bert.ts';
import { llamaParameters } from '../../src/tensor/llama.ts';
import { bias, initialize, matrix, type ParameterSpec } from '../../src/tensor/parameters.ts';

const table = (specs: readonly ParameterSpec[]) => specs.map(({ name, shape }) => `${name} [${shape}]`);

const bert = {
  vocabulary: 30,
  layers: 1,
  hidden: 8,
  heads: 2,
  intermediate: 16,
  positions: 12,
  segments: 2,
  epsilon: 1e-12,
};

const llama = {
  vocabulary: 30,
  layers: 1,
  hidden: 8,
  heads: 4,
  keyValueHeads: 2,
  headSize: 6,
  intermediate: 16,
  positions: 12,
  ropeTheta: 10_000,
  ropeScaling: null,
  epsilon: 1e-5,
  tied: true,
  attentionBias: false,
};

describe('names and shapes', () => {
  test('BertForSequenceClassification', () => {
    const layer = 'bert.encoder.layer.0';
    expect(table(bertParameters(bert))).toEqual([
      'bert.embeddings.word_embeddings.weight [30,8]',
      'bert.embeddings.position_embeddings.weight [12,8]',
      'bert.embeddings.token_type_embeddings.weight [2,8]',
      'bert.embeddings.LayerNorm.weight [8]',
      'bert.embeddings.LayerNorm.bias [8]',
      `${layer}.attention.self.query.weight [8,8]`,
      `${layer}.attention.self.query.bias [8]`,
      `${layer}.attention.self.key.weight [8,8]`,
      `${layer}.attention.self.key.bias [8]`,
      `${layer}.attention.self.value.weight [8,8]`,
      `${layer}.attention.self.value.bias [8]`,
      `${layer}.attention.output.dense.weight [8,8]`,
      `${layer}.attention.output.dense.bias [8]`,
      `${layer}.attention.output.LayerNorm.weight [8]`,
      `${layer}.attention.output.LayerNorm.bias [8]`,
      `${layer}.intermediate.dense.weight [16,8]`,
      `${layer}.intermediate.dense.bias [16]`,
      `${layer}.output.dense.weight [8,16]`,
      `${layer}.output.dense.bias [8]`,
      `${layer}.output.LayerNorm.weight [8]`,
      `${layer}.output.LayerNorm.bias [8]`,
      'bert.pooler.dense.weight [8,8]',
      'bert.pooler.dense.bias [8]',
      'classifier.weight [1,8]',
      'classifier.bias [1]',
    ]);
  });

  test('LlamaForCausalLM with tied embeddings, and the score head', () => {
    const layer = 'model.layers.0';
    expect(table(llamaParameters(llama))).toEqual([
      'model.embed_tokens.weight [30,8]',
      `${layer}.input_layernorm.weight [8]`,
      `${layer}.self_attn.q_proj.weight [24,8]`,
      `${layer}.self_attn.k_proj.weight [12,8]`,
      `${layer}.self_attn.v_proj.weight [12,8]`,
      `${layer}.self_attn.o_proj.weight [8,24]`,
      `${layer}.post_attention_layernorm.weight [8]`,
      `${layer}.mlp.gate_proj.weight [16,8]`,
      `${layer}.mlp.up_proj.weight [16,8]`,
      `${layer}.mlp.down_proj.weight [8,16]`,
      'model.norm.weight [8]',
      'score.weight [1,8]',
    ]);
  });

  test('an untied output matrix and the biases of Qwen2', () => {
    const names = table(llamaParameters({ ...llama, tied: false, attentionBias: true }));
    expect(names).toContain('lm_head.weight [30,8]');
    expect(names).toContain('model.layers.0.self_attn.k_proj.bias [12]');
    expect(names.filter((name) => name.includes('.bias'))).toHaveLength(3);
  });
});

test('weight decay leaves out biases and norms', () => {
  for (const { name, decay } of [...bertParameters(bert), ...llamaParameters(llama)]) {
    expect([name, decay]).toEqual([name, !/bias|norm/i.test(name)]);
  }
});

describe('initialize', () => {
  test('is the same for the same seed and name, whatever else there is', () => {
    const all = initialize([matrix('a', 3, 4), bias('c', 2), matrix('b', 3, 4)], 1);
    const alone = initialize([matrix('b', 3, 4)], 1);
    expect(all.get('b')).toEqual(alone.get('b'));
    expect(all.get('a')!.data).not.toEqual(all.get('b')!.data);
    expect(initialize([matrix('b', 3, 4)], 2).get('b')!.data).not.toEqual(alone.get('b')!.data);
  });

  test('zeros, ones, and a normal distribution of deviation 0.02', () => {
    const specs = bertParameters({ ...bert, vocabulary: 5000 });
    const start = initialize(specs, 3);
    expect(new Set(start.get('classifier.bias')!.data)).toEqual(new Set([0]));
    expect(new Set(start.get('bert.embeddings.LayerNorm.weight')!.data)).toEqual(new Set([1]));
    const words = start.get('bert.embeddings.word_embeddings.weight')!.data;
    const mean = words.reduce((sum, x) => sum + x, 0) / words.length;
    const square = words.reduce((sum, x) => sum + x * x, 0) / words.length;
    expect(Math.abs(mean)).toBeLessThan(4 * (0.02 / Math.sqrt(words.length)));
    expect(Math.sqrt(square)).toBeCloseTo(0.02, 3);
  });
});
