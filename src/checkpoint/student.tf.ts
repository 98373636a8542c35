// The student as it will be served, in native TensorFlow: what golden logits come from and are verified with.
// In 8 bits it does what onnxruntime does with the exported graph (onnx-ops.ts), number by number in float32.
import type { EncodedPair, Tensors } from '../contract.ts';
import type { Backend } from '../tensor/backend.tf.ts';
import { type BertOps, bertParameters, bertScores } from '../tensor/bert.ts';
import { Graph, type Output } from '../tensor/graph.ts';
import type { GraphOps } from '../tensor/graph-ops.ts';
import type { BertConfig } from '../tensor/model-config.ts';
import { pack, packedFeeds } from '../tensor/packing.ts';
import { openSession } from '../tensor/session.tf.ts';
import { addFunction } from '../tensor/step.ts';
import { dequantized } from './onnx-int8.ts';
import type { Precision } from './onnx-ops.ts';

export interface ServedStudent {
  /** Logits of sequences in one batch. In 8 bits they depend a little on what else is in the batch. */
  score(batch: readonly EncodedPair[]): Float32Array;
  dispose(): void;
}

/** The caller disposes it. @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph. */
export function openServedStudent(
  backend: Backend,
  config: BertConfig,
  weights: Tensors,
  precision: Precision,
): ServedStudent {
  const graph = new Graph();
  addFunction(graph, {
    name: 'score',
    parameters: bertParameters(config),
    feeds: packedFeeds('n'),
    outputs: (ops, batch) => ({
      scores: bertScores(precision === 'int8' ? inEightBits(ops) : ops, config, batch),
    }),
  });
  const session = openSession(backend, graph);
  session.set(precision === 'int8' ? dequantized(weights) : weights);
  return {
    score: (batch) => session.run('score', { ...pack(batch) }).scores!,
    dispose: () => session.dispose(),
  };
}

/** The same ops, but what goes into a linear layer is rounded as ONNX's DynamicQuantizeLinear does. */
function inEightBits(ops: GraphOps): BertOps<Output> {
  return Object.assign(Object.create(ops) as GraphOps, {
    linear: (x: Output, weight: Output, bias: Output | null) => ops.linear(rounded(ops, x), weight, bias),
  });
}

/** To 256 steps from the least to the largest number of the whole tensor, 0 among them: [m, width]. */
function rounded({ nodes, graph }: GraphOps, x: Output): Output {
  const zero = graph.float(0);
  const ofAll = (op: 'Min' | 'Max') =>
    nodes.op(op, [x, graph.ints([0, 1])], {
      T: { type: 'float32' },
      Tidx: { type: 'int32' },
      keep_dims: { bool: false },
    });
  const least = nodes.op('Minimum', [ofAll('Min'), zero]);
  const most = nodes.op('Maximum', [ofAll('Max'), zero]);
  const scale = nodes.op('Maximum', [nodes.mul(nodes.sub(most, least), 1 / 255), graph.float(1e-30)]);
  const round = (y: Output) => nodes.op('Round', [y]); // to even, as ONNX does
  const offset = round(nodes.div(nodes.neg(least), scale));
  const steps = nodes.add(round(nodes.div(x, scale)), offset);
  const clipped = nodes.op('Minimum', [nodes.op('Maximum', [steps, zero]), graph.float(255)]);
  return nodes.mul(nodes.sub(clipped, offset), scale);
}
