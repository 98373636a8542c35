// Checks, with the weights that people use (RESTILL_MODELS names a folder of Hugging Face directories),
// against PyTorch and transformers (golden figures; `test/golden/make_parity.py --real` made them):
// 1. MiniLM-L6 and bge-small: token ids of pairs, scores, the hybrid loss and its gradients. They have no
//    classifier (bge-small no pooler either); both sides put on the same made-up one.
// 2. SmolLM2-135M: token ids, the five likeliest next tokens and their logits, cross-entropy, scores,
//    RankNet, and gradients that have come back through all 30 layers.
// 3. Their tokenizers give the ids of the Rust library, on 10,000 texts of many scripts.
// All within 1e-4; gradients within 1e-4 of their largest number.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as RustTokenizer } from 'tokenizers';
import { describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { llamaCrossEntropy, llamaHidden } from '../../src/tensor/llama.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import type { LoadedModel } from '../../src/tensor/model-weights.ts';
import { packCompletions } from '../../src/tensor/packing.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { goldenPath } from '../support/golden.ts';
import { realModel } from '../support/models.ts';
import {
  evaluate,
  expectClose,
  expectHybridMse,
  expectLoss,
  expectRankNet,
  type GoldenBert,
  type GoldenLlama,
  readGolden,
} from '../support/parity.ts';
import { someTexts } from '../support/texts.ts';

const known = readdirSync(goldenPath('real')).map((file) => file.replace('.json', ''));
const directories = new Map(known.map((name) => [name, realModel(name)]));
const models = known.filter((name) => directories.get(name) !== null);

/** Value k of a tensor that the directory lacks is sin(k + 1) / 20, on both sides. */
function probed({ weights, fresh }: LoadedModel, expected: readonly string[]): Tensors {
  expect([...fresh].sort()).toEqual(expected);
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const probe = () => data.map((_, k) => Math.sin(k + 1) / 20);
      return [name, { shape, data: fresh.includes(name) ? probe() : data }];
    }),
  );
}

function checkBert(model: LoadedModel, golden: GoldenBert): void {
  if (model.family !== 'bert') throw new Error('not a BERT');
  const tokenizer = openTokenizer(model.tokenizer, model.tokenizerConfig);
  const pairs = golden.pairs!.map(([query, title]) =>
    tokenizer.encodePair(query, { title, summary: '' }, model.config.positions, 'bert'),
  );
  expect(pairs.map(({ ids }) => [...ids])).toEqual(golden.sequences);
  expect(pairs.map(({ segments }) => [...segments])).toEqual(golden.segments);
  expectHybridMse(model.config, probed(model, golden.fresh!), pairs, golden);
}

function checkLlama(model: LoadedModel, golden: GoldenLlama): void {
  if (model.family !== 'llama') throw new Error('not a decoder');
  const { config } = model;
  const { encode } = openTokenizer(model.tokenizer, model.tokenizerConfig);
  const sequences = golden.pairs!.map(([query, title]) => {
    const [prompt, output] = [encode(`query: ${query}\ntitle:`), encode(` ${title}\nsummary:`)];
    return { ids: Int32Array.of(...prompt, ...output), outputFrom: prompt.length };
  });
  expect(sequences.map(({ ids }) => [...ids])).toEqual(golden.sequences);
  expect(sequences.map(({ outputFrom }) => outputFrom)).toEqual(golden.outputFrom);
  const weights = probed(model, golden.fresh!);

  const texts = packCompletions(sequences);
  const crossNames = Object.keys(golden.crossEntropy.gradients);
  const cross = evaluate<typeof texts>(weights, texts, crossNames, (ops, inputs) => {
    const last = ops.rows(llamaHidden(ops, config, inputs), inputs.last);
    const table = ops.parameter(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
    const logits = ops.linear(last, table, null);
    return { logits, loss: llamaCrossEntropy(ops, config, inputs, inputs) };
  });
  golden.topLogits.forEach(({ ids, logits }, i) => {
    const row = cross.logits!.subarray(i * config.vocabulary, (i + 1) * config.vocabulary);
    const largest = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, ids.length);
    expect(largest).toEqual(ids);
    expectClose(
      'logits',
      Float32Array.from(ids, (id) => row[id]!),
      logits,
    );
  });
  expectLoss(cross, golden.crossEntropy);
  expectRankNet(config, weights, sequences, golden);
}

describe.runIf(models.length > 0)('real models', () => {
  test.each(models)(
    '%s: figures',
    (name) => {
      const model = openModelDirectory(directories.get(name)!, { seed: 1, layers: null });
      if (model.family === 'bert') checkBert(model, readGolden<GoldenBert>(`real/${name}.json`));
      else checkLlama(model, readGolden<GoldenLlama>(`real/${name}.json`));
    },
    300_000,
  );

  test.each(models)(
    '%s: token ids',
    async (name) => {
      const read = (file: string) => readFileSync(join(directories.get(name)!, file), 'utf8');
      const json = read('tokenizer.json');
      const { encode } = openTokenizer(json, read('tokenizer_config.json'));
      // Some say how long texts should be; we cut and pad by ourselves.
      const rust = RustTokenizer.fromString(
        JSON.stringify({ ...JSON.parse(json), truncation: null, padding: null }),
      );
      const texts = someTexts(10_000, 2);
      const expected = await rust.encodeBatch(texts, { addSpecialTokens: false });
      expect(texts.filter((text, i) => `${expected[i]!.getIds()}` !== `${encode(text)}`)).toEqual([]);
    },
    300_000,
  );
});
