// The embedded teacher: a decoder with two training functions and a scoring function in one graph. Either all
// of its weights train, or an adapter and the score head beside frozen ones.
import type { Config } from '../config.ts';
import type { EncodedCompletion, Tensors } from '../contract.ts';
import { assert } from '../errors.ts';
import { addTrainParts } from '../tensor/accumulate.ts';
import type { Backend } from '../tensor/backend.tf.ts';
import { Graph } from '../tensor/graph.ts';
import { llamaCrossEntropy, llamaParameters, llamaScores } from '../tensor/llama.ts';
import { type Adapter, adapterOf } from '../tensor/lora.ts';
import type { LlamaConfig } from '../tensor/model-config.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../tensor/optimizer.ts';
import { outputFeeds, pack, packCompletions, packedFeeds } from '../tensor/packing.ts';
import type { ParameterSpec } from '../tensor/parameters.ts';
import { openSession, type Session } from '../tensor/session.tf.ts';
import { addFunction, addTrainFunction } from '../tensor/step.ts';
import { microBatches } from './batch.ts';
import { hinge, rankNet } from './losses.ts';
import type { EncodedPreference, OptimizerStep, StepResult, TeacherModel } from './models.ts';
import { modelState, type Part, restoreState, stepInParts, stepResult } from './session-state.tf.ts';

export interface TeacherShape {
  readonly config: LlamaConfig;
  readonly adapter: Adapter | null;
  /** All parameters. */
  readonly parameters: readonly ParameterSpec[];
  /** Those that train and are stored: the adapter's and the head's, or all. */
  readonly trained: readonly ParameterSpec[];
}

export function teacherShape(config: LlamaConfig, { adapter: settings }: Config['teacher']): TeacherShape {
  const model = llamaParameters(config);
  if (!settings) return { config, adapter: null, parameters: model, trained: model };
  const adapter = adapterOf(model, settings);
  const head = model.filter(({ name }) => name === 'score.weight');
  return {
    config,
    adapter,
    parameters: [...model, ...adapter.parameters],
    trained: [...adapter.parameters, ...head],
  };
}

/**
 * A teacher whose trained weights are not set yet: `restore` comes first.
 *
 * @param frozen weights that stay, by name: all of the model beside which an adapter trains; else none.
 * @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph; `SHAPE_MISMATCH` if `frozen` are not
 *   weights of this model.
 */
export function openTeacher(
  backend: Backend,
  shape: TeacherShape,
  config: Config,
  frozen: Tensors | null,
): TeacherModel {
  assert((shape.adapter === null) === (frozen === null), 'an adapter, and nothing else, has frozen weights');
  const session = openSession(backend, teacherGraph(shape, config));
  const trained = shape.trained.map(({ name }) => name);
  if (frozen !== null) session.set(frozen, [...frozen.keys()]);
  return {
    pretrain: (batch, at) => pretrain(session, config.pretrain, batch, at),
    finetune: (batch, at) => finetune(session, config.finetune, batch, at),
    score: (sequences) => session.run('score', { ...pack(sequences.map((ids) => ({ ids }))) }).scores!,
    state: () => modelState(session, trained),
    restore: (state) => restoreState(session, state),
    dispose: () => session.dispose(),
  };
}

function teacherGraph({ config: model, adapter, parameters, trained }: TeacherShape, config: Config): Graph {
  const graph = new Graph();
  const names = new Set(trained.map(({ name }) => name));
  const training = (name: 'pretrain' | 'finetune') => ({
    name,
    parameters,
    trainable: (parameter: string) => names.has(parameter),
    recompute: config.teacher.recompute,
    optimizer: adamW(config[name]),
  });
  const { pretrain, finetune } = config;
  // What is switched off needs no moments: they are twice the size of the weights.
  if (pretrain.stepsMax > 0)
    adderOf(pretrain)(graph, {
      ...training('pretrain'),
      feeds: { ...packedFeeds('n'), ...outputFeeds },
      loss: (ops, batch) => llamaCrossEntropy(ops, model, batch, batch, adapter),
    });
  if (finetune.stepsMax > 0)
    adderOf(finetune)(graph, {
      ...training('finetune'),
      feeds: { ...packedFeeds('2b'), weights: { type: 'float32', shape: ['b'] } as const },
      loss: (ops, batch) => {
        const scores = llamaScores(ops, model, batch, adapter);
        if (finetune.loss === 'ranknet') return rankNet(ops, scores, batch.weights);
        return hinge(ops, scores, batch.weights, finetune.margin);
      },
    });
  addFunction(graph, {
    name: 'score',
    parameters,
    feeds: packedFeeds('n'),
    outputs: (ops, batch) => ({ scores: llamaScores(ops, model, batch, adapter) }),
  });
  return graph;
}

type Objective = Config['pretrain'] | Config['finetune'];

const adderOf = ({ accumulate }: Objective): typeof addTrainFunction =>
  accumulate === 1 ? addTrainFunction : addTrainParts;

const adamW = ({ weightDecay, clipNorm }: Objective): AdamW => ({ ...adamDefaults, weightDecay, clipNorm });

const pretrain = (
  session: Session,
  settings: Config['pretrain'],
  batch: readonly EncodedCompletion[],
  at: OptimizerStep,
): StepResult =>
  step(session, 'pretrain', settings, at, batch, (part) => ({
    feeds: { ...packCompletions(part) },
    size: part.reduce((tokens, { ids, outputFrom }) => tokens + ids.length - outputFrom, 0),
  }));

const finetune = (
  session: Session,
  settings: Config['finetune'],
  batch: readonly EncodedPreference[],
  at: OptimizerStep,
): StepResult =>
  step(session, 'finetune', settings, at, batch, (part) => {
    const sequences = [...part.map(({ better }) => better), ...part.map(({ worse }) => worse)];
    const weights = { data: Float32Array.from(part, ({ weight }) => weight), shape: [part.length] };
    return {
      feeds: { ...pack(sequences.map((ids) => ({ ids }))), weights },
      size: part.reduce((sum, { weight }) => sum + weight, 0),
    };
  });

function step<T>(
  session: Session,
  name: string,
  settings: Objective,
  at: OptimizerStep,
  batch: readonly T[],
  packed: (part: readonly T[]) => Part,
): StepResult {
  const scalars = { ...adamWScalars(adamW(settings), at) };
  if (settings.accumulate === 1) return stepResult(session.run(name, { ...packed(batch).feeds, ...scalars }));
  return stepInParts(session, name, microBatches(batch, settings.accumulate).map(packed), scalars);
}
