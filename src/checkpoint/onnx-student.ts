// The student as an ONNX model. Better than the usual export, because we write it:
// - only the classification token goes through the last layer, nothing else of it being read;
// - query, key and value are one matrix product;
// - pads pass through no matrix product: the graph packs the real tokens first (packing.ts), and only
//   attention sees the grid. A batch of texts of different lengths costs what its tokens cost.
import type { Tensors } from '../contract.ts';
import { bertScores } from '../tensor/bert.ts';
import type { BertConfig } from '../tensor/model-config.ts';
import type { PackedBatch } from '../tensor/packing.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';
import { encodeOnnx, type OnnxPort } from './onnx-model.ts';
import { OnnxOps, type Precision } from './onnx-ops.ts';

/** Of the default operator domain; onnxruntime has it since 1.12. */
export const onnxOpset = 17;

const grid = (name: string): OnnxPort => ({
  name,
  type: 'int64',
  shape: ['batch_size', 'sequence_length'],
});

/** In the order of Hugging Face's own exports. */
export const onnxInputs: readonly OnnxPort[] = [
  grid('input_ids'),
  grid('attention_mask'),
  grid('token_type_ids'),
];
export const onnxOutputs: readonly OnnxPort[] = [
  { name: 'logits', type: 'float32', shape: ['batch_size', 1] },
];

/**
 * The bytes of `model.onnx`: int64 input_ids, attention_mask and token_type_ids [batch, sequence] -> float32
 * logits [batch, 1]. The first token of a sequence counts as real whatever the mask says, so that a batch
 * of zeros, which some servers warm up with, has scores too.
 *
 * @param o.metadata stands in the file for whoever asks.
 * @throws RestillError `MODEL_UNSUPPORTED` above 2 GiB.
 */
export function encodeStudent(
  config: BertConfig,
  weights: Tensors,
  o: { readonly precision: Precision; readonly metadata: Readonly<Record<string, string>> },
): Uint8Array {
  const graph = new OnnxGraph();
  const ops = new OnnxOps(graph, weights, o.precision);
  const scores = bertScores(ops, config, packedInputs(graph, ops));
  graph.output(ops.reshape(scores, [-1, 1]), 'logits');
  const { nodes, constants } = graph;
  return encodeOnnx({
    opset: onnxOpset,
    inputs: onnxInputs,
    outputs: onnxOutputs,
    nodes,
    constants,
    metadata: o.metadata,
  });
}

/** The packed batch of packing.ts, made by the graph itself from the three padded inputs [n, t]. */
function packedInputs(graph: OnnxGraph, ops: OnnxOps): PackedBatch<Value> {
  const [ids, attention, segments] = onnxInputs.map(({ name }) => ({ name })) as [Value, Value, Value];
  const flat = (x: Value) => ops.reshape(x, [-1]);
  const cast = (x: Value, to: number) => graph.node('Cast', [x], { to: { int: to } });
  const length = graph.node('Gather', [graph.node('Shape', [ids]), graph.int(1)], { axis: { int: 0 } }); // t
  const columns = graph.node('Range', [graph.int(0), length, graph.int(1)]); // [t]
  const isFirst = graph.node('Equal', [columns, graph.int(0)]);
  const real = graph.node('Or', [cast(attention, 9), isFirst]); // bool [n, t]
  const cells = flat(graph.node('NonZero', [flat(real)])); // [1, m] -> [m]
  // How many real tokens there are up to a cell says which one it is; a pad shows the one before it.
  const counts = graph.node('CumSum', [flat(cast(real, 7)), graph.int(0)]);
  const rows = graph.node('Sub', [counts, graph.int(1)]); // [n * t]
  const grid = graph.node('Reshape', [rows, graph.node('Shape', [ids])]); // [n, t]
  return {
    ids: ops.rows(flat(ids), cells),
    positions: graph.node('Mod', [cells, length]),
    segments: ops.rows(flat(segments), cells),
    cells,
    grid: rows,
    mask: cast(real, 1),
    first: graph.node('Gather', [grid, graph.int(0)], { axis: { int: 1 } }), // [n]
    get last(): Value {
      return graph.node('Gather', [grid, graph.int(-1)], { axis: { int: 1 } }); // [n]
    },
  };
}
