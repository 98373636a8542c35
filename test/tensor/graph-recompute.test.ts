// Checks (invariants of graph-recompute.ts):
// 1. Loss and gradients of a decoder computed with segments run twice are those without, to the bit: with
//    every parameter trained, with an adapter alone, and with what lies below a segment frozen.
// 2. The second run waits for the gradient of the segment's output, and nothing else is added to the graph.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { Graph, type Output } from '../../src/tensor/graph.ts';
import type { GraphOps } from '../../src/tensor/graph-ops.ts';
import { llamaCrossEntropy, llamaParameters } from '../../src/tensor/llama.ts';
import { adapterOf } from '../../src/tensor/lora.ts';
import type { LlamaConfig } from '../../src/tensor/model-config.ts';
import { outputFeeds, packCompletions, packedFeeds } from '../../src/tensor/packing.ts';
import { openSession } from '../../src/tensor/session.tf.ts';
import { begin } from '../../src/tensor/step.ts';
import { backend, lively } from '../support/tensor.ts';

const llama: LlamaConfig = {
  vocabulary: 40,
  layers: 3,
  hidden: 32,
  heads: 4,
  keyValueHeads: 2,
  headSize: 8,
  intermediate: 48,
  positions: 32,
  ropeTheta: 10_000,
  ropeScaling: null,
  epsilon: 1e-5,
  tied: true,
  attentionBias: true,
};
const model = llamaParameters(llama);
const adapter = adapterOf(model, { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj', 'down_proj'] });
const parameters = [...model, ...adapter.parameters];
const weights = lively(parameters, 1);
const random = randomFor(1, 'recompute');
const feeds = packCompletions(
  Array.from({ length: 5 }, () => ({
    ids: Int32Array.from({ length: 3 + random.below(29) }, () => random.below(llama.vocabulary)),
    outputFrom: 2,
  })),
);

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex').slice(0, 16);

type Trainable = (name: string) => boolean;

function graphOf(trainable: Trainable, recompute: boolean): Graph {
  const graph = new Graph();
  const all = { ...packedFeeds('n'), ...outputFeeds };
  const started = begin(graph, { name: 'f', parameters, feeds: all, trainable, recompute });
  const ops: GraphOps = started.ops;
  const loss = llamaCrossEntropy(ops, llama, started.inputs, started.inputs, adapter);
  const gradients = [...ops.gradients(loss)].map(([name, { values }]): [string, Output] => [name, values]);
  graph.addFunction({ name: 'f', feeds: started.feeds, fetches: { loss, ...Object.fromEntries(gradients) } });
  return graph;
}

function bitsOf(graph: Graph): Record<string, string> {
  const session = openSession(backend, graph);
  session.set(weights);
  const values = Object.entries(session.run('f', { ...feeds }));
  session.dispose();
  return Object.fromEntries(values.map(([name, data]) => [name, sha256(Buffer.from(data.buffer))]));
}

describe.each<[string, Trainable, number]>([
  ['all parameters', () => true, parameters.length - 1],
  ['the adapter', (name) => name.includes('lora_'), adapter.parameters.length],
  ['the last layer', (name) => name.startsWith('model.layers.2.'), 12 + 6],
])('training %s', (_, trainable, count) => {
  test('gives the same bits with and without', () => {
    const expected = bitsOf(graphOf(trainable, false));
    expect(Object.keys(expected)).toHaveLength(count + 1);
    expect(bitsOf(graphOf(trainable, true))).toEqual(expected);
  });
});

test('each segment is entered a second time when its gradient is there', () => {
  const entries: (readonly string[])[] = [];
  const node = Graph.prototype.node;
  class Watched extends Graph {
    override node(...args: Parameters<Graph['node']>): Output {
      if (args[0] === 'Identity' && args[3].startsWith('f/')) entries.push(args[1]);
      return node.apply(this, args);
    }
  }
  const graph = new Watched();
  const all = { ...packedFeeds('n'), ...outputFeeds };
  const { ops, inputs } = begin(graph, { name: 'f', parameters, feeds: all, recompute: true });
  ops.gradients(llamaCrossEntropy(ops, llama, inputs, inputs, adapter));
  expect(entries).toHaveLength(llama.layers);
  for (const [x, gradient, ...rest] of entries) {
    expect(x).not.toMatch(/^\^/);
    expect(gradient).toMatch(/^\^f\//);
    expect(rest).toEqual([]);
  }
});
