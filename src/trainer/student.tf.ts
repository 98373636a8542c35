// The student: a BERT cross-encoder with the distillation step and a scoring function in one graph.
import type { Config } from '../config.ts';
import type { Backend } from '../tensor/backend.tf.ts';
import { bertParameters, bertScores } from '../tensor/bert.ts';
import { Graph } from '../tensor/graph.ts';
import type { BertConfig } from '../tensor/model-config.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../tensor/optimizer.ts';
import { pack, packedFeeds } from '../tensor/packing.ts';
import { openSession, type Session } from '../tensor/session.tf.ts';
import { addFunction, addTrainFunction } from '../tensor/step.ts';
import { hybridMse } from './losses.ts';
import type { EncodedDistillation, OptimizerStep, StepResult, StudentModel } from './models.ts';
import { modelState, restoreState, stepResult } from './session-state.tf.ts';

/**
 * A student without weights yet: `restore` comes first.
 *
 * @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph.
 */
export function openStudent(backend: Backend, model: BertConfig, config: Config): StudentModel {
  const { weightDecay, clipNorm, pointWeight } = config.distill;
  const optimizer: AdamW = { ...adamDefaults, weightDecay, clipNorm };
  const session = openSession(backend, studentGraph(model, optimizer, pointWeight));
  const parameters = bertParameters(model).map((spec) => spec.name);
  return {
    distill: (batch, at) => distill(session, optimizer, batch, at),
    score: (pairs) => session.run('score', { ...pack(pairs) }).scores!,
    state: () => modelState(session, parameters),
    restore: (state) => restoreState(session, state),
    dispose: () => session.dispose(),
  };
}

function studentGraph(model: BertConfig, optimizer: AdamW, pointWeight: number): Graph {
  const graph = new Graph();
  const parameters = bertParameters(model);
  addTrainFunction(graph, {
    name: 'distill',
    parameters,
    feeds: { ...packedFeeds('2b'), teacher: { type: 'float32', shape: ['2b'] } as const },
    optimizer,
    loss: (ops, batch) => hybridMse(ops, bertScores(ops, model, batch), batch.teacher, pointWeight),
  });
  addFunction(graph, {
    name: 'score',
    parameters,
    feeds: packedFeeds('n'),
    outputs: (ops, batch) => ({ scores: bertScores(ops, model, batch) }),
  });
  return graph;
}

function distill(
  session: Session,
  optimizer: AdamW,
  batch: readonly EncodedDistillation[],
  at: OptimizerStep,
): StepResult {
  const sequences = [...batch.map(({ positive }) => positive), ...batch.map(({ negative }) => negative)];
  const scores = [
    ...batch.map(({ positiveScore }) => positiveScore),
    ...batch.map(({ negativeScore }) => negativeScore),
  ];
  const teacher = { data: Float32Array.from(scores), shape: [scores.length] };
  return stepResult(session.run('distill', { ...pack(sequences), teacher, ...adamWScalars(optimizer, at) }));
}
