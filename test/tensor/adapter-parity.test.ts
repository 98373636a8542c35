// Checks, against PEFT (golden files; test/golden/make_adapter.py made them, says with which versions, and
// makes them again), with an adapter on two modules of a Llama and on all seven of a Qwen2 with biases:
// 1. What PEFT wrote is read: scores, RankNet and the gradients of A, B and the head.
// 2. The same with the adapter merged.
// 3. What we write has PEFT's names, shapes and settings.
// Within 1e-4; gradients within 1e-4 of their largest number.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { llamaParameters, llamaScores } from '../../src/tensor/llama.ts';
import { type Adapter, adapterOf } from '../../src/tensor/lora.ts';
import { mergeAdapter } from '../../src/tensor/lora-merge.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { pack } from '../../src/tensor/packing.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { fromPeft, peftConfig, peftFiles, toPeft } from '../../src/tensor/peft.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import { rankNet } from '../../src/trainer/losses.ts';
import { goldenPath } from '../support/golden.ts';
import {
  evaluate,
  expectClose,
  expectLoss,
  floats,
  type GoldenLlama,
  readGolden,
  tokenSequences,
} from '../support/parity.ts';

interface PeftConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly target_modules: string[];
  readonly modules_to_save: string[];
}

describe.each(['llama-query-value', 'qwen2-all'])('%s', (name) => {
  const golden = readGolden<GoldenLlama & { readonly base: string }>(`adapter/${name}/expected.json`);
  const written = readGolden<PeftConfig>(`adapter/${name}/${peftFiles.config}`);
  const stored = decodeSafetensors(readFileSync(goldenPath(`adapter/${name}/${peftFiles.weights}`)));
  const trained = fromPeft(stored);
  const opened = openModelDirectory(goldenPath(golden.base), { seed: 1, layers: null });
  if (opened.family !== 'llama') throw new Error('not a decoder');
  const { config, weights: base } = opened;
  const settings = { rank: written.r, alpha: written.lora_alpha, targetModules: written.target_modules };
  const adapter = adapterOf(llamaParameters(config), settings);
  const feeds = {
    ...pack(tokenSequences(golden)),
    weights: floats(golden.weights, golden.weights.length),
  };
  const ranked = (weights: Tensors, beside: Adapter | null, gradients: readonly string[]) =>
    evaluate<typeof feeds>(weights, feeds, gradients, (ops, inputs) => {
      const scores = llamaScores(ops, config, inputs, beside);
      return { scores, loss: rankNet(ops, scores, inputs.weights) };
    });

  test('scores, RankNet and its gradients', () => {
    const names = Object.keys(golden.rankNet.gradients);
    expect(names.toSorted()).toEqual([...trained.keys()].toSorted());
    const actual = ranked(new Map([...base, ...trained]), adapter, names);
    expectClose('scores', actual.scores, golden.scores);
    expectLoss(actual, golden.rankNet);
  });

  test('scores of the merged model', () => {
    expectClose('scores', ranked(mergeAdapter(base, trained, adapter), null, []).scores, golden.scores);
    const [least, most] = [Math.min(...golden.scores), Math.max(...golden.scores)];
    expect(most - least).toBeGreaterThan(0.1);
  });

  test('ours is written as PEFT writes it', () => {
    const head = llamaParameters(config).filter(({ name: parameter }) => parameter === 'score.weight');
    const ours = toPeft(initialize([...adapter.parameters, ...head], 1));
    const shapes = (tensors: Tensors) =>
      [...tensors].map(([tensor, { shape }]) => `${tensor} ${shape}`).toSorted();
    expect(shapes(ours)).toEqual(shapes(stored));
    const { modules_to_save: saved, ...said } = peftConfig(settings, golden.base);
    expect(written).toMatchObject(said);
    expect(written.modules_to_save).toEqual(expect.arrayContaining(saved as string[]));
  });
});

test('a file of another maker is refused by a name in it', () => {
  const tensors = new Map([['lora.q_proj', { shape: [1], data: Float32Array.of(1) }]]);
  expect(() => fromPeft(tensors)).toThrow(/tensor lora\.q_proj, whose name does not begin with base_model/);
});
