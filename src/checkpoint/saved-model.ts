// The student as a TensorFlow SavedModel that needs no variables: its weights are constants of the graph.
// Like the ONNX model it packs the real tokens of its padded inputs first.
import type { Tensors } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { type BertOps, bertParameters, bertScores } from '../tensor/bert.ts';
import { Graph, type Output } from '../tensor/graph.ts';
import type { ServingPort } from '../tensor/graph-def.ts';
import { GraphOps } from '../tensor/graph-ops.ts';
import type { BertConfig } from '../tensor/model-config.ts';
import type { PackedBatch } from '../tensor/packing.ts';

/** Names of the graph's nodes and of the signature's ports alike. */
export const savedInputs = ['input_ids', 'attention_mask', 'token_type_ids'] as const;
const port = (name: string): ServingPort => ({
  name,
  output: name,
  type: 'int64',
  shape: [-1, -1],
});

/** Protobuf's own bound on a message. */
const bytesMax = 2 ** 31 - 1;

/**
 * The bytes of saved_model.pb. Signature `serving_default`: int64 input_ids, attention_mask and
 * token_type_ids [batch, sequence] -> float32 logits [batch, 1].
 *
 * @throws RestillError `MODEL_UNSUPPORTED` above 2 GiB.
 */
export function encodeFrozenStudent(config: BertConfig, weights: Tensors): Uint8Array {
  const bytes = [...weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > bytesMax)
    throw new RestillError(
      'MODEL_UNSUPPORTED',
      `the weights have ${bytes} bytes, a graph holds ${bytesMax}; export --to hf`,
    );
  const graph = new Graph();
  const parameters = bertParameters(config);
  const ops = new GraphOps(graph, { scope: 'student', parameters, trainable: () => false });
  const scores = bertScores(frozen(ops, weights), config, packedInputs(ops));
  const logits = graph.after(ops.reshape(scores, [-1, 1]), [], 'logits');
  return graph.encode({
    inputs: savedInputs.map(port),
    outputs: [{ name: 'logits', output: logits, type: 'float32', shape: [-1, 1] }],
  });
}

/** The same ops with constants for parameters. */
function frozen(ops: GraphOps, weights: Tensors): BertOps<Output> {
  const constants = new Map<string, Output>();
  const parameter = (name: string): Output => {
    const weight = weights.get(name);
    assert(weight !== undefined, `the model has no parameter called ${name}`);
    const known = constants.get(name) ?? ops.constant(weight.data, weight.shape);
    constants.set(name, known);
    return known;
  };
  const embedding = (name: string, ids: Output): Output => ops.rows(parameter(name), ids);
  return Object.assign(Object.create(ops) as GraphOps, { parameter, embedding });
}

const [float32, int32, int64, bool] = (['float32', 'int32', 'int64', 'bool'] as const).map((type) => ({
  type,
}));

/** The packed batch of packing.ts, made by the graph itself: see onnx-student.ts. */
function packedInputs({ nodes, graph }: GraphOps): PackedBatch<Output> {
  const cast = (x: Output, from: typeof int32, to: typeof int32) =>
    nodes.op('Cast', [x], { SrcT: from!, DstT: to!, Truncate: { bool: false } });
  const [ids, attention, segments] = savedInputs.map((name) => {
    const fed = graph.node('Placeholder', [], { dtype: int64!, shape: { shape: [-1, -1] } }, name);
    return cast(fed, int64, int32);
  }) as [Output, Output, Output];
  const flat = (x: Output) => nodes.reshape(x, [-1], 'int32');
  const shape = nodes.shapeOf(ids, 'int32');
  const pick = (x: Output, indices: Output, axis: number) =>
    nodes.op('GatherV2', [x, indices, graph.ints(axis)], {
      Tparams: int32!,
      Tindices: int32!,
      Taxis: int32!,
      batch_dims: { int: 0 },
    });
  const length = pick(shape, graph.ints(1), 0); // t
  const columns = nodes.op('Range', [graph.ints(0), length, graph.ints(1)], { Tidx: int32! }); // [t]
  const compare = (op: 'Equal' | 'NotEqual', x: Output) =>
    nodes.op(op, [x, graph.ints(0)], { T: int32!, incompatible_shape_error: { bool: true } });
  // [n, t]
  const real = nodes.op('LogicalOr', [compare('NotEqual', attention), compare('Equal', columns)], {});
  const ones = flat(cast(real, bool, int32)); // [n * t]
  const cells = flat(cast(nodes.op('Where', [compare('NotEqual', ones)], { T: bool! }), int64, int32)); // [m]
  const counts = nodes.op('Cumsum', [ones, graph.ints(0)], {
    T: int32!,
    Tidx: int32!,
    exclusive: { bool: false },
    reverse: { bool: false },
  });
  const rows = nodes.op('Sub', [counts, graph.ints(1)], { T: int32! }); // [n * t]
  const grid = nodes.reshape(rows, shape, 'int32'); // [n, t]
  return {
    ids: pick(flat(ids), cells, 0),
    positions: nodes.op('FloorMod', [cells, length], { T: int32! }),
    segments: pick(flat(segments), cells, 0),
    cells,
    grid,
    mask: cast(real, bool, float32),
    first: pick(grid, graph.ints(0), 1), // [n]
    get last(): Output {
      return pick(grid, nodes.op('Sub', [length, graph.ints(1)], { T: int32! }), 1); // [n]
    },
  };
}
