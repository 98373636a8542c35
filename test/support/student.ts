// A small student in a session: what the tests of sessions train and score.
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { bertParameters, bertScores } from '../../src/tensor/bert.ts';
import { Graph } from '../../src/tensor/graph.ts';
import type { BertConfig } from '../../src/tensor/model-config.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../../src/tensor/optimizer.ts';
import { pack, packedFeeds } from '../../src/tensor/packing.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { openSession, type Session } from '../../src/tensor/session.tf.ts';
import { addFunction, addTrainFunction } from '../../src/tensor/step.ts';
import { hybridMse } from '../../src/trainer/losses.ts';
import { backend, randomTensor } from './tensor.ts';

export const config: BertConfig = {
  vocabulary: 50,
  layers: 2,
  hidden: 16,
  heads: 2,
  intermediate: 32,
  positions: 24,
  segments: 2,
  epsilon: 1e-12,
};
export const parameters = bertParameters(config);
export const names = parameters.map(({ name }) => name);
export const optimizer: AdamW = { ...adamDefaults, weightDecay: 0.01, clipNorm: 1 };

function graphOf(): Graph {
  const graph = new Graph();
  addFunction(graph, {
    name: 'score',
    parameters,
    feeds: packedFeeds('n'),
    outputs: (ops, batch) => ({ scores: bertScores(ops, config, batch) }),
  });
  addTrainFunction(graph, {
    name: 'distill',
    parameters,
    feeds: { ...packedFeeds('2b'), teacher: { type: 'float32', shape: ['2b'] } as const },
    optimizer,
    loss: (ops, batch) => hybridMse(ops, bertScores(ops, config, batch), batch.teacher, 0.5),
  });
  return graph;
}

const opened: Session[] = [];

/** Without weights. */
export function openEmpty(graph = graphOf()): Session {
  const session = openSession(backend, graph);
  opened.push(session);
  return session;
}

export function openStudent(): Session {
  const session = openEmpty();
  session.set(initialize(parameters, 1), names);
  return session;
}

/** For `afterEach`. */
export function disposeAll(): void {
  for (const session of opened.splice(0)) session.dispose();
}

/** The feeds of a step: other lengths and ids at each. */
export function stepFeeds(step: number, pairs = 3) {
  const random = randomFor(7, 'step', step);
  const sequences = Array.from({ length: 2 * pairs }, () => ({
    ids: Int32Array.from({ length: 2 + random.below(22) }, () => random.below(config.vocabulary)),
  }));
  const teacher = randomTensor(random, 2 * pairs);
  return { ...pack(sequences), teacher, ...adamWScalars(optimizer, { step, learningRate: 1e-3 }) };
}
/** Steps `from` to `to`, both included. */
export const train = (session: Session, from: number, to: number): void => {
  for (let step = from; step <= to; step++) session.run('distill', stepFeeds(step));
};
/** Equal for equal bits. */
export const bits = (tensors: Tensors): string =>
  JSON.stringify([...tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('base64')]));
