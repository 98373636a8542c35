// Checks, against PyTorch and transformers (golden files; test/golden/make_parity.py made them, says with
// which versions, and makes them again), on directories as transformers writes them, with ragged batches:
// 1. BERT: scores, the hybrid loss and its gradients; the same from a bare encoder with the head put on.
// 2. Llama tied, untied with linear scaling in three files, with Llama 3's scaling in float16, and Qwen2 in
//    bfloat16: hidden state and logits of the last token, cross-entropy of the output tokens, scores,
//    RankNet, and gradients of both losses.
// 3. The tokenizers' ids.
// All within 1e-4; gradients within 1e-4 of their largest number.
import { describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { llamaCrossEntropy, llamaHidden } from '../../src/tensor/llama.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { pack, packCompletions } from '../../src/tensor/packing.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { goldenPath } from '../support/golden.ts';
import {
  evaluate,
  expectClose,
  expectHybridMse,
  expectLoss,
  expectRankNet,
  type GoldenBert,
  type GoldenLlama,
  readGolden,
  tokenSequences,
} from '../support/parity.ts';

const open = (name: string) => openModelDirectory(goldenPath(`tiny/${name}`), { seed: 1, layers: null });

describe('BERT', () => {
  const golden = readGolden<GoldenBert>('tiny/bert/expected.json');
  const check = (weights: Tensors) => {
    const opened = open('bert');
    if (opened.family !== 'bert') throw new Error('not a BERT');
    expectHybridMse(opened.config, weights, tokenSequences(golden), golden);
  };

  test('scores, hybrid loss and gradients', () => {
    expect(Math.max(...golden.scores) - Math.min(...golden.scores)).toBeGreaterThan(0.1);
    check(open('bert').weights);
  });

  test('a bare encoder with the head put on is the same model', () => {
    const bare = open('bert-bare');
    expect(bare.fresh).toEqual(['classifier.weight', 'classifier.bias']);
    const head = [...open('bert').weights].filter(([name]) => bare.fresh.includes(name));
    check(new Map([...bare.weights, ...head]));
  });
});

describe.each(['llama-tied', 'llama-untied', 'llama3', 'qwen2'])('%s', (name) => {
  const golden = readGolden<GoldenLlama>(`tiny/${name}/expected.json`);
  const { family, config, weights: read, fresh } = open(name);
  if (family !== 'llama') throw new Error('not a decoder');
  const { hidden, vocabulary } = config;
  const weights = new Map([
    ...read,
    ['score.weight', { shape: [1, hidden], data: Float32Array.from(golden.scoreWeight) }] as const,
  ]);
  const sequences = tokenSequences(golden);

  test('hidden state and logits of the last token', () => {
    expect(fresh).toEqual(['score.weight']);
    const actual = lastTokens(config, weights, sequences);
    expectClose('hidden', actual.hidden, golden.lastHidden.flat());
    expectClose('logits', actual.logits, golden.lastLogits.flat());
    expect(actual.logits).toHaveLength(sequences.length * vocabulary);
  });

  test('cross-entropy of the output tokens and its gradients', () => {
    const feeds = packCompletions(sequences.map((s, i) => ({ ...s, outputFrom: golden.outputFrom[i]! })));
    const names = Object.keys(golden.crossEntropy.gradients);
    const actual = evaluate<typeof feeds>(weights, feeds, names, (ops, inputs) => ({
      loss: llamaCrossEntropy(ops, config, inputs, inputs),
    }));
    expectLoss(actual, golden.crossEntropy);
  });

  test('scores, RankNet and its gradients', () => {
    expectRankNet(config, weights, sequences, golden);
  });
});

test.each(['bert', 'llama-tied'])('the tokenizer of %s gives the ids of the Rust library', (name) => {
  const { tokenizer, tokenizerConfig } = open(name);
  const { encode } = openTokenizer(tokenizer, tokenizerConfig);
  const { tokenized } = readGolden<GoldenBert>(`tiny/${name}/expected.json`);
  expect(tokenized!.length).toBeGreaterThan(0);
  for (const { text, ids } of tokenized!) expect([text, [...encode(text)]]).toEqual([text, ids]);
});

test('the goldens have what makes the families differ', () => {
  const configs = ['llama-untied', 'llama3', 'qwen2'].map((name) => open(name).config as LlamaConfig);
  expect(configs).toMatchObject([
    { tied: false, ropeScaling: { type: 'linear', factor: 4 }, keyValueHeads: 4 },
    { tied: true, ropeScaling: { type: 'llama3', factor: 8 }, keyValueHeads: 1 },
    { tied: false, ropeScaling: null, keyValueHeads: 2, attentionBias: true },
  ]);
});

function lastTokens(config: LlamaConfig, weights: Tensors, sequences: ReturnType<typeof tokenSequences>) {
  const feeds = pack(sequences);
  return evaluate<typeof feeds>(weights, feeds, [], (ops, inputs) => {
    const hidden = ops.rows(llamaHidden(ops, config, inputs), inputs.last);
    const table = ops.parameter(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
    return { hidden, logits: ops.linear(hidden, table, null) };
  });
}
