// TensorFlow's own ops as methods, for one function of a graph. No gradients here: see graph-ops.ts.
// The names are TensorFlow's; https://www.tensorflow.org/api_docs/python/tf/raw_ops describes each.

import type { Graph, Output, Variable } from './graph.ts';
import type { Attributes } from './graph-def.ts';

const T = { type: 'float32' } as const;
const int32 = { type: 'int32' } as const;

/** A size that is known, or an int32 scalar of the graph. */
export type Dimension = number | Output;

export class Nodes {
  readonly graph: Graph;
  /** Prefix of the names of all nodes made here. */
  private readonly scope: string;
  /** Equal ops on equal inputs are one node, so that the parts of a gradient may each name what they need. */
  private readonly known = new Map<string, Output>();
  private readonly reads = new Map<string, Output>();
  /** What takes the value of a variable as an input, by the output that read it. */
  private readonly readers = new Map<Output, Output[]>();
  /** By the name of the variable. */
  private readonly lookups = new Map<string, Set<Output>>();
  private count = 0;

  constructor(graph: Graph, scope: string) {
    this.graph = graph;
    this.scope = scope;
  }

  /** An op whose outputs depend on its inputs alone. */
  op(op: string, inputs: readonly Output[], attributes: Attributes = { T }): Output {
    const key = `${op}(${inputs})${JSON.stringify(attributes)}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const output = this.effect(op, inputs, attributes);
    this.known.set(key, output);
    for (const input of inputs) this.readers.get(input)?.push(output);
    return output;
  }

  /** An op that reads or changes state: always a node of its own. */
  effect(op: string, inputs: readonly string[], attributes: Attributes): Output {
    return this.graph.node(op, inputs, attributes, `${this.scope}/${op}_${this.count++}`);
  }

  /** The value of a variable at the start of the run; updates wait for `readersOf` it. */
  read(variable: Variable): Output {
    const known = this.reads.get(variable.name);
    if (known !== undefined) return known;
    const output = this.effect('ReadVariableOp', [variable.handle], { dtype: T });
    this.reads.set(variable.name, output);
    this.readers.set(output, []);
    return output;
  }

  /** Rows of a variable at the start of the run, copied out: the rest of it is neither read nor copied. */
  lookUp(variable: Variable, ids: Output): Output {
    const output = this.op('ResourceGather', [variable.handle, ids], {
      dtype: T,
      Tindices: int32,
      batch_dims: { int: 0 },
      validate_indices: { bool: true },
    });
    this.lookups.set(variable.name, (this.lookups.get(variable.name) ?? new Set()).add(output));
    return output;
  }

  /** What must have run before a variable may change: all that uses the value which was read. */
  readersOf(variable: Variable): readonly Output[] {
    const read = this.reads.get(variable.name);
    const readers = read === undefined ? [] : [read, ...this.readers.get(read)!];
    return [...readers, ...(this.lookups.get(variable.name) ?? [])];
  }

  // ---------------------------------------------------------------- element by element

  add = (a: Output, b: Output): Output => this.op('AddV2', [a, b]);
  sub = (a: Output, b: Output): Output => this.op('Sub', [a, b]);
  div = (a: Output, b: Output): Output => this.op('RealDiv', [a, b]);
  neg = (a: Output): Output => this.op('Neg', [a]);
  square = (a: Output): Output => this.op('Square', [a]);
  rsqrt = (a: Output): Output => this.op('Rsqrt', [a]);
  mul = (a: Output, b: Output | number): Output =>
    this.op('Mul', [a, typeof b === 'number' ? this.graph.float(b) : b]);
  min = (a: Output, b: Output): Output => this.op('Minimum', [a, b]);
  /** a, unless it holds NaN or an infinity: then the run fails with this message. */
  finite = (a: Output, message: string): Output =>
    this.op('CheckNumerics', [a], { T, message: { string: message } });
  /** The sum of one or more tensors of one shape. */
  addN = (parts: readonly Output[]): Output =>
    parts.length === 1 ? parts[0]! : this.op('AddN', parts, { T, N: { int: parts.length } });

  /** A vector added to each row of a matrix. */
  addToRows = (a: Output, row: Output): Output => this.op('BiasAdd', [a, row]);
  sumOfRows = (a: Output): Output => this.op('BiasAddGrad', [a]);

  // ---------------------------------------------------------------- products

  matMul = (a: Output, b: Output, transpose: { a?: boolean; b?: boolean } = {}): Output =>
    this.op('MatMul', [a, b], {
      T,
      transpose_a: { bool: transpose.a ?? false },
      transpose_b: { bool: transpose.b ?? false },
    });

  /** Over the last two axes. */
  batchMatMul = (a: Output, b: Output, transpose: { a?: boolean; b?: boolean } = {}): Output =>
    this.op('BatchMatMulV2', [a, b], {
      T,
      adj_x: { bool: transpose.a ?? false },
      adj_y: { bool: transpose.b ?? false },
    });

  // ---------------------------------------------------------------- reductions

  /** Over the last axis, which stays with size 1. */
  meanLast = (a: Output): Output => this.reduce('Mean', a, -1, true);
  sumLast = (a: Output): Output => this.reduce('Sum', a, -1, true);
  /** Of a vector, to a scalar. */
  meanOf = (a: Output): Output => this.reduce('Mean', a, 0, false);
  sumOf = (a: Output): Output => this.reduce('Sum', a, 0, false);

  private reduce(op: 'Mean' | 'Sum', a: Output, axis: number, keep: boolean): Output {
    return this.op(op, [a, this.graph.ints([axis])], { T, Tidx: int32, keep_dims: { bool: keep } });
  }

  // ---------------------------------------------------------------- shapes

  shapeOf = (a: Output, type: 'float32' | 'int32' = 'float32'): Output =>
    this.op('Shape', [a], { T: { type }, out_type: int32 });

  /** The sizes of a tensor of this rank, as int32 scalars. */
  dimensions = (a: Output, rank: number): Output[] =>
    outputsOf(this.op('Unpack', [this.shapeOf(a)], { T: int32, num: { int: rank }, axis: { int: 0 } }), rank);

  /** The number of elements of a vector of ids, as an int32 scalar. */
  countOf = (ids: Output): Output => this.op('Size', [ids], { T: int32, out_type: int32 });

  /** The number of elements, as a float32 scalar. */
  sizeOf = (a: Output): Output =>
    this.op('Cast', [this.op('Size', [a], { T, out_type: int32 })], {
      SrcT: int32,
      DstT: T,
      Truncate: { bool: false },
    });

  intProduct = (a: Dimension, b: Dimension): Output =>
    this.op('Mul', [this.scalar(a), this.scalar(b)], { T: int32 });

  /** -1 stands for what is left over. */
  reshape(a: Output, shape: readonly Dimension[] | Output, type: 'float32' | 'int32' = 'float32'): Output {
    const vector = typeof shape === 'string' ? shape : this.vector(shape);
    return this.op('Reshape', [a, vector], { T: { type }, Tshape: int32 });
  }

  transpose = (a: Output, axes: readonly number[]): Output =>
    this.op('Transpose', [a, this.graph.ints(axes)], { T, Tperm: int32 });

  /** One value all over. */
  fill = (shape: Output | readonly Dimension[], value: Output): Output =>
    this.op('Fill', [typeof shape === 'string' ? shape : this.vector(shape), value], {
      T,
      index_type: int32,
    });

  private scalar = (size: Dimension): Output => (typeof size === 'number' ? this.graph.ints(size) : size);

  private vector(sizes: readonly Dimension[]): Output {
    if (sizes.every((size) => typeof size === 'number')) return this.graph.ints(sizes);
    const scalars = sizes.map((size) => this.scalar(size));
    return this.op('Pack', scalars, { T: int32, N: { int: sizes.length }, axis: { int: 0 } });
  }

  // ---------------------------------------------------------------- joining and cutting

  concat = (parts: readonly Output[], axis: number, type: 'float32' | 'int32' = 'float32'): Output =>
    this.op('ConcatV2', [...parts, this.graph.ints(axis)], {
      T: { type },
      Tidx: int32,
      N: { int: parts.length },
    });

  /** What of `whole`, a concatenation of `parts` along the first axis, came from part i. */
  partOfConcat(whole: Output, parts: readonly Output[], i: number): Output {
    const shapes = parts.map((part) => this.shapeOf(part));
    const offsets = this.op('ConcatOffset', [this.graph.ints(0), ...shapes], {
      N: { int: parts.length },
      shape_type: int32,
    });
    return this.op('Slice', [whole, outputsOf(offsets, parts.length)[i]!, shapes[i]!], { T, Index: int32 });
  }

  /** Zeros around a tensor: so many before and after it, along each axis. */
  pad = (a: Output, zeros: readonly (readonly [before: number, after: number])[]): Output =>
    this.op('Pad', [a, this.graph.constant(Int32Array.from(zeros.flat()), [zeros.length, 2])], {
      T,
      Tpaddings: int32,
    });

  /** What of `whole` begins at `begin` and has the shape of `part`. */
  cut = (whole: Output, begin: readonly number[], part: Output): Output =>
    this.op('Slice', [whole, this.graph.ints(begin), this.shapeOf(part)], { T, Index: int32 });

  /** Into parts of the given sizes. */
  splitSizes(a: Output, sizes: readonly number[], axis: number): Output[] {
    const inputs = [a, this.graph.ints(sizes), this.graph.ints(axis)];
    return outputsOf(
      this.op('SplitV', inputs, { T, Tlen: int32, num_split: { int: sizes.length } }),
      sizes.length,
    );
  }

  /** Into equal parts. */
  split = (a: Output, parts: number, axis: number): Output[] =>
    outputsOf(this.op('Split', [this.graph.ints(axis), a], { T, num_split: { int: parts } }), parts);

  /** Along a new first axis. */
  pack = (parts: readonly Output[]): Output =>
    this.op('Pack', parts, { T, N: { int: parts.length }, axis: { int: 0 } });

  /** The first axis taken apart. */
  unpack = (a: Output, parts: number): Output[] =>
    outputsOf(this.op('Unpack', [a], { T, num: { int: parts }, axis: { int: 0 } }), parts);

  /** `rows` of x, along its first axis. An id out of range fails the run. */
  gather = (x: Output, ids: Output): Output =>
    this.op('GatherV2', [x, ids, this.graph.ints(0)], {
      Tparams: T,
      Tindices: int32,
      Taxis: int32,
      batch_dims: { int: 0 },
    });

  /** Adds up the rows of x that have the same id: row i of the result is the sum of those with id i. */
  sumById = (x: Output, ids: Output, count: Dimension): Output =>
    this.op('UnsortedSegmentSum', [x, ids, this.scalar(count)], { T, Tindices: int32, Tnumsegments: int32 });

  /** The distinct ids in order of their first occurrence, and for each given id its index among them. */
  unique(ids: Output): [distinct: Output, indices: Output] {
    const node = this.op('Unique', [ids], { T: int32, out_idx: int32 });
    return outputsOf(node, 2) as [Output, Output];
  }

  /** Row by row: -log softmax(logits)[target], and its gradient with respect to the logits. */
  crossEntropies(logits: Output, targets: Output): [Output, Output] {
    const node = this.op('SparseSoftmaxCrossEntropyWithLogits', [logits, targets], { T, Tlabels: int32 });
    return outputsOf(node, 2) as [Output, Output];
  }

  /** A square matrix without what is above its diagonal. */
  lowerTriangle = (a: Output): Output =>
    this.op('MatrixBandPart', [a, this.graph.ints(-1), this.graph.ints(0)], { T, Tindex: int32 });
}

/** The outputs of a node that has several. */
function outputsOf(node: Output, count: number): Output[] {
  return Array.from({ length: count }, (_, i) => (i === 0 ? node : `${node}:${i}`) as Output);
}
