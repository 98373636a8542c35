// The embedded teacher: a decoder with two training functions and a scoring function in one graph.
import type { Config } from '../config.ts';
import type { EncodedCompletion } from '../contract.ts';
import type { Backend } from '../tensor/backend.tf.ts';
import { Graph } from '../tensor/graph.ts';
import { llamaCrossEntropy, llamaParameters, llamaScores } from '../tensor/llama.ts';
import type { LlamaConfig } from '../tensor/model-config.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../tensor/optimizer.ts';
import { outputFeeds, pack, packCompletions, packedFeeds } from '../tensor/packing.ts';
import { openSession, type Session } from '../tensor/session.tf.ts';
import { addFunction, addTrainFunction } from '../tensor/step.ts';
import { hinge, rankNet } from './losses.ts';
import type { EncodedPreference, OptimizerStep, StepResult, TeacherModel } from './models.ts';
import { modelState, restoreState, stepResult } from './session-state.tf.ts';

/**
 * A teacher without weights yet: `restore` comes first.
 *
 * @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph.
 */
export function openTeacher(backend: Backend, model: LlamaConfig, config: Config): TeacherModel {
  const optimizers = { pretrain: adamW(config.pretrain), finetune: adamW(config.finetune) };
  const session = openSession(backend, teacherGraph(model, config, optimizers));
  const parameters = llamaParameters(model).map((spec) => spec.name);
  return {
    pretrain: (batch, at) => pretrain(session, optimizers.pretrain, batch, at),
    finetune: (batch, at) => finetune(session, optimizers.finetune, batch, at),
    score: (sequences) => session.run('score', { ...pack(sequences.map((ids) => ({ ids }))) }).scores!,
    state: () => modelState(session, parameters),
    restore: (state) => restoreState(session, state),
    dispose: () => session.dispose(),
  };
}

type Optimizers = Readonly<Record<'pretrain' | 'finetune', AdamW>>;

function teacherGraph(model: LlamaConfig, config: Config, optimizers: Optimizers): Graph {
  const graph = new Graph();
  const parameters = llamaParameters(model);
  addTrainFunction(graph, {
    name: 'pretrain',
    parameters,
    feeds: { ...packedFeeds('n'), ...outputFeeds },
    optimizer: optimizers.pretrain,
    loss: (ops, batch) => llamaCrossEntropy(ops, model, batch, batch),
  });
  addTrainFunction(graph, {
    name: 'finetune',
    parameters,
    feeds: { ...packedFeeds('2b'), weights: { type: 'float32', shape: ['b'] } as const },
    optimizer: optimizers.finetune,
    loss: (ops, batch) => {
      const scores = llamaScores(ops, model, batch);
      if (config.finetune.loss === 'ranknet') return rankNet(ops, scores, batch.weights);
      return hinge(ops, scores, batch.weights, config.finetune.margin);
    },
  });
  addFunction(graph, {
    name: 'score',
    parameters,
    feeds: packedFeeds('n'),
    outputs: (ops, batch) => ({ scores: llamaScores(ops, model, batch) }),
  });
  return graph;
}

function pretrain(
  session: Session,
  optimizer: AdamW,
  batch: readonly EncodedCompletion[],
  at: OptimizerStep,
): StepResult {
  return stepResult(session.run('pretrain', { ...packCompletions(batch), ...adamWScalars(optimizer, at) }));
}

function finetune(
  session: Session,
  optimizer: AdamW,
  batch: readonly EncodedPreference[],
  at: OptimizerStep,
): StepResult {
  const sequences = [...batch.map(({ better }) => better), ...batch.map(({ worse }) => worse)];
  const weights = { data: Float32Array.from(batch, ({ weight }) => weight), shape: [batch.length] };
  const feeds = { ...pack(sequences.map((ids) => ({ ids }))), weights, ...adamWScalars(optimizer, at) };
  return stepResult(session.run('finetune', feeds));
}

const adamW = ({ weightDecay, clipNorm }: Config['pretrain'] | Config['finetune']): AdamW => ({
  ...adamDefaults,
  weightDecay,
  clipNorm,
});
