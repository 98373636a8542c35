// The ops of a model as nodes of a TensorFlow graph, each with its gradient written by hand.
//
// A gradient is a function of dy, the gradient of the loss with respect to the op's output, for each input.
// Below, `y` is an op's output and `d...` the gradient of the loss with respect to `...`. Equal nodes are one
// (Nodes.op), so two gradients that need the same intermediate simply both name it.
//
// Everything has unknown sizes: one graph serves every batch. Only widths are known.
import { assert } from '../errors.ts';
import type { Graph, Output, Variable } from './graph.ts';
import * as attention from './graph-attention.ts';
import { Nodes } from './graph-nodes.ts';
import { recomputed } from './graph-recompute.ts';
import type { Border, HeadShape, Ops } from './ops.ts';
import type { PackedBatch } from './packing.ts';
import type { ParameterSpec } from './parameters.ts';
import { Tape } from './tape.ts';

export interface GraphOpsOptions {
  /** Prefix of the names of the nodes. */
  readonly scope: string;
  readonly parameters: readonly ParameterSpec[];
  /** Which parameters get a gradient; the others are constants here. */
  readonly trainable: (name: string) => boolean;
  /** Whether the insides of segments are computed again for their gradients: slower, and in less memory. */
  readonly recompute?: boolean;
}

/** The gradient of a parameter, or of those of its rows that were looked up. */
export interface Gradient {
  /** Of the parameter's shape; with ids [u, width]: one row per id. */
  readonly values: Output;
  /** int32 [u], none twice: the rows that have a gradient. Null: all of the parameter. */
  readonly ids: Output | null;
}

interface Lookup {
  readonly ids: Output;
  readonly rows: Output;
}

/** The ops of one function of a graph. */
export class GraphOps implements Ops<Output> {
  readonly graph: Graph;
  readonly nodes: Nodes;
  private readonly recompute: boolean;
  private currentTape: Tape;
  private readonly specs: ReadonlyMap<string, ParameterSpec>;
  private readonly trainable: (name: string) => boolean;
  /** What has been read, by the parameter's name. */
  private readonly values = new Map<string, Output>();
  /** What has been looked up, by the parameter's name. */
  private readonly lookups = new Map<string, Lookup[]>();

  constructor(graph: Graph, options: GraphOpsOptions) {
    this.graph = graph;
    this.nodes = new Nodes(graph, options.scope);
    this.recompute = options.recompute ?? false;
    this.currentTape = new Tape(this.nodes);
    this.specs = new Map(options.parameters.map((spec) => [spec.name, spec]));
    this.trainable = options.trainable;
  }

  // ---------------------------------------------------------------- sources

  parameter(name: string): Output {
    assert(!this.lookups.has(name), `${name} is looked up, so it cannot be used whole as well`);
    const value = this.values.get(name) ?? this.nodes.read(this.variable(name));
    this.values.set(name, value);
    if (this.trainable(name)) this.tape.watch(value);
    return value;
  }

  spec(name: string): ParameterSpec {
    const spec = this.specs.get(name);
    assert(spec !== undefined, `the model has no parameter called ${name}`);
    return spec;
  }

  variable(name: string): Variable {
    return this.graph.variable(name, this.spec(name).shape, { startsAtZero: false });
  }

  embedding(name: string, ids: Output): Output {
    assert(!this.values.has(name), `${name} is used whole, so it cannot be looked up as well`);
    const rows = this.nodes.lookUp(this.variable(name), ids);
    const known = this.lookups.get(name) ?? [];
    if (!known.some((lookup) => lookup.rows === rows)) this.lookups.set(name, [...known, { ids, rows }]);
    if (this.trainable(name)) this.tape.watch(rows);
    return rows;
  }

  constant(values: Float32Array, shape: readonly number[]): Output {
    return this.graph.constant(values, shape);
  }

  /**
   * Gradients of `factor` times a scalar for every trainable parameter that it depends on: looked up ones
   * first, each in the order of first use.
   */
  gradients(scalar: Output, factor: Output = this.graph.float(1)): Map<string, Gradient> {
    const rows = [...this.lookups.values()].flatMap((lookups) => lookups.map((lookup) => lookup.rows));
    const found = this.tape.gradients(scalar, factor, [...this.values.values(), ...rows]);
    const gradients = new Map<string, Gradient>();
    for (const [name, lookups] of this.lookups) {
      const used = lookups.filter((lookup) => found.has(lookup.rows));
      if (used.length > 0) gradients.set(name, this.rowGradient(used, found));
    }
    for (const [name, value] of this.values) {
      const values = found.get(value);
      if (values !== undefined) gradients.set(name, { values, ids: null });
    }
    return gradients;
  }

  /** A row that was looked up several times gets the sum. */
  private rowGradient(lookups: readonly Lookup[], found: ReadonlyMap<Output, Output>): Gradient {
    const { nodes } = this;
    const join = (parts: Output[], type: 'float32' | 'int32') =>
      parts.length === 1 ? parts[0]! : nodes.concat(parts, 0, type);
    const ids = join(
      lookups.map((lookup) => lookup.ids),
      'int32',
    );
    const dys = join(
      lookups.map((lookup) => found.get(lookup.rows)!),
      'float32',
    );
    const [distinct, indices] = nodes.unique(ids);
    return { values: nodes.sumById(dys, indices, nodes.countOf(distinct)), ids: distinct };
  }

  // ---------------------------------------------------------------- pieces

  segment(x: Output, body: (x: Output) => Output): Output {
    return this.recompute ? recomputed(this, x, body) : body(x);
  }

  /** Where ops are recorded. */
  get tape(): Tape {
    return this.currentTape;
  }

  /** Runs `build` with ops recorded on another tape. */
  onTape<R>(tape: Tape, build: () => R): R {
    const outer = this.currentTape;
    this.currentTape = tape;
    try {
      return build();
    } finally {
      this.currentTape = outer;
    }
  }

  // ---------------------------------------------------------------- element by element

  add(a: Output, b: Output): Output {
    return this.tape.record(this.nodes.add(a, b), [a, (dy) => dy], [b, (dy) => dy]);
  }

  subtract(a: Output, b: Output): Output {
    return this.tape.record(this.nodes.sub(a, b), [a, (dy) => dy], [b, (dy) => this.nodes.neg(dy)]);
  }

  affine(x: Output, factor: number, offset = 0): Output {
    const scaled = this.nodes.mul(x, factor);
    const y = offset === 0 ? scaled : this.nodes.add(scaled, this.graph.float(offset));
    return this.tape.record(y, [x, (dy) => this.nodes.mul(dy, factor)]);
  }

  square(x: Output): Output {
    return this.tape.record(this.nodes.square(x), [x, (dy) => this.nodes.mul(dy, this.nodes.mul(x, 2))]);
  }

  tanh(x: Output): Output {
    const y = this.nodes.op('Tanh', [x]);
    return this.tape.record(y, [x, (dy) => this.nodes.op('TanhGrad', [y, dy])]); // dy (1 - y^2)
  }

  relu(x: Output): Output {
    const y = this.nodes.op('Relu', [x]);
    return this.tape.record(y, [x, (dy) => this.nodes.op('ReluGrad', [dy, y])]); // dy where y > 0
  }

  softplus(x: Output): Output {
    const y = this.nodes.op('Softplus', [x]);
    return this.tape.record(y, [x, (dy) => this.nodes.op('SoftplusGrad', [dy, x])]); // dy sigmoid(x)
  }

  gelu(x: Output): Output {
    const { nodes, graph } = this;
    const erf = nodes.op('Erf', [nodes.mul(x, Math.SQRT1_2)]);
    const below = nodes.mul(nodes.add(erf, graph.float(1)), 0.5); // Phi(x), the normal distribution
    return this.tape.record(nodes.mul(x, below), [
      x,
      (dy) => {
        const bell = nodes.op('Exp', [nodes.mul(nodes.square(x), -0.5)]); // its density, times sqrt(2 pi)
        return nodes.mul(dy, nodes.add(below, nodes.mul(nodes.mul(x, bell), 1 / Math.sqrt(2 * Math.PI))));
      },
    ]);
  }

  swiglu(gate: Output, up: Output): Output {
    const { nodes, graph } = this;
    const sigmoid = nodes.op('Sigmoid', [gate]);
    const silu = () => nodes.mul(gate, sigmoid);
    // silu' = sigmoid + silu (1 - sigmoid)
    const slope = () => nodes.add(sigmoid, nodes.mul(silu(), nodes.sub(graph.float(1), sigmoid)));
    // Not (gate sigmoid) up: TensorFlow fuses gate * sigmoid(gate), with other bits, but only where no
    // gradient needs the sigmoid. A segment that is computed twice would differ from itself.
    return this.tape.record(
      nodes.mul(nodes.mul(gate, up), sigmoid),
      [gate, (dy) => nodes.mul(nodes.mul(dy, up), slope())],
      [up, (dy) => nodes.mul(dy, silu())],
    );
  }

  // ---------------------------------------------------------------- rows

  linear(x: Output, weight: Output, bias: Output | null): Output {
    const { nodes, tape } = this;
    const product = tape.record(
      nodes.matMul(x, weight, { b: true }),
      [x, (dy) => nodes.matMul(dy, weight)],
      [weight, (dy) => nodes.matMul(dy, x, { a: true })],
    );
    if (bias === null) return product;
    return tape.record(
      nodes.addToRows(product, bias),
      [product, (dy) => dy],
      [bias, (dy) => nodes.sumOfRows(dy)],
    );
  }

  layerNorm(x: Output, weight: Output, bias: Output, epsilon: number): Output {
    const { nodes, graph } = this;
    const centred = nodes.sub(x, nodes.meanLast(x));
    const variance = nodes.meanLast(nodes.square(centred)); // [m, 1]
    const inverse = nodes.rsqrt(nodes.add(variance, graph.float(epsilon)));
    const normed = nodes.mul(centred, inverse);
    return this.tape.record(
      nodes.addToRows(nodes.mul(normed, weight), bias),
      [
        x,
        (dy) => {
          // What shifts a whole row or stretches it changes nothing: those two directions are taken out.
          const d = nodes.mul(dy, weight);
          const stretch = nodes.mul(normed, nodes.meanLast(nodes.mul(d, normed)));
          return nodes.mul(nodes.sub(nodes.sub(d, nodes.meanLast(d)), stretch), inverse);
        },
      ],
      [weight, (dy) => nodes.sumOfRows(nodes.mul(dy, normed))],
      [bias, (dy) => nodes.sumOfRows(dy)],
    );
  }

  rmsNorm(x: Output, weight: Output, epsilon: number): Output {
    const { nodes, graph } = this;
    const power = nodes.meanLast(nodes.square(x)); // [m, 1]
    const inverse = nodes.rsqrt(nodes.add(power, graph.float(epsilon)));
    const normed = nodes.mul(x, inverse);
    return this.tape.record(
      nodes.mul(normed, weight),
      [
        x,
        (dy) => {
          const d = nodes.mul(dy, weight);
          const stretch = nodes.mul(normed, nodes.meanLast(nodes.mul(d, normed)));
          return nodes.mul(nodes.sub(d, stretch), inverse);
        },
      ],
      [weight, (dy) => nodes.sumOfRows(nodes.mul(dy, normed))],
    );
  }

  rows(x: Output, ids: Output): Output {
    const { nodes } = this;
    const count = () => nodes.dimensions(x, 2)[0]!;
    return this.tape.record(nodes.gather(x, ids), [x, (dy) => nodes.sumById(dy, ids, count())]);
  }

  stack(parts: readonly Output[]): Output {
    if (parts.length === 1) return parts[0]!;
    const cut = (dy: Output, i: number) => this.nodes.partOfConcat(dy, parts, i);
    return this.tape.record(
      this.nodes.concat(parts, 0),
      ...parts.map((part, i) => [part, (dy: Output) => cut(dy, i)] as const),
    );
  }

  halves(x: Output): readonly [Output, Output] {
    const [first, second] = this.nodes.split(x, 2, 0);
    this.tape.recordMany([first!, second!], [x, (d1, d2) => this.nodes.concat([d1, d2], 0)]);
    return [first!, second!];
  }

  reshape(x: Output, shape: readonly number[]): Output {
    const { nodes } = this;
    return this.tape.record(nodes.reshape(x, shape), [x, (dy) => nodes.reshape(dy, nodes.shapeOf(x))]);
  }

  pad(x: Output, { rows, columns }: Border): Output {
    const { nodes } = this;
    const y = nodes.pad(x, [rows, columns]);
    return this.tape.record(y, [x, (dy) => nodes.cut(dy, [rows[0], columns[0]], x)]);
  }

  // ---------------------------------------------------------------- attention: graph-attention.ts

  toGrid = (x: Output, batch: PackedBatch<Output>): Output => attention.toGrid(this, x, batch);
  toTokens = (x: Output, batch: PackedBatch<Output>): Output => attention.toTokens(this, x, batch);
  splitHeads = (x: Output, batch: PackedBatch<Output>, parts: readonly number[], size: number): Output[] =>
    attention.splitHeads(this, x, batch, parts, size);
  mergeHeads = (x: Output, shape: HeadShape): Output => attention.mergeHeads(this, x, shape);
  rotate = (x: Output, cos: Output, sin: Output): Output => attention.rotate(this, x, cos, sin);
  attention = (
    q: Output,
    k: Output,
    v: Output,
    bias: Output,
    shape: HeadShape & { groups: number },
  ): Output => attention.attention(this, [q, k, v], bias, shape);
  paddingBias = (mask: Output): Output => attention.paddingBias(this, mask);
  causalBias = (mask: Output): Output => attention.causalBias(this, mask);

  // ---------------------------------------------------------------- to one number

  mean(x: Output): Output {
    const { nodes } = this;
    const share = (dy: Output) => nodes.div(dy, nodes.sizeOf(x));
    return this.tape.record(nodes.meanOf(x), [x, (dy) => nodes.fill(nodes.shapeOf(x), share(dy))]);
  }

  weightedMean(x: Output, weights: Output): Output {
    const { nodes } = this;
    const total = nodes.sumOf(weights);
    const y = nodes.div(nodes.sumOf(nodes.mul(x, weights)), total);
    return this.tape.record(y, [x, (dy) => nodes.mul(weights, nodes.div(dy, total))]);
  }

  crossEntropy(logits: Output, targets: Output): Output {
    const { nodes } = this;
    const [losses, slopes] = nodes.crossEntropies(logits, targets); // [k] and [k, classes]: softmax - one-hot
    return this.tape.record(nodes.meanOf(losses), [
      logits,
      (dy) => nodes.mul(slopes, nodes.div(dy, nodes.sizeOf(losses))),
    ]);
  }
}
