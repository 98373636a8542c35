// The ops of BERT as nodes of an ONNX graph: the model is written once (tensor/bert.ts), so what is exported
// is what is trained. Operators of opset 17 alone, which every onnxruntime since 1.12 has; the decomposed
// ones (gelu, scale and transpose around a product) are in the form that onnxruntime knows how to fuse.
import type { NamedTensor, Tensors } from '../contract.ts';
import { assert } from '../errors.ts';
import type { BertOps } from '../tensor/bert.ts';
import { type HeadShape, unseen } from '../tensor/ops.ts';
import type { PackedBatch } from '../tensor/packing.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { quantizeRows } from './onnx-int8.ts';

export type Precision = 'float32' | 'int8';

export class OnnxOps implements BertOps<Value> {
  private readonly graph: OnnxGraph;
  private readonly weights: Tensors;
  private readonly precision: Precision;

  constructor(graph: OnnxGraph, weights: Tensors, precision: Precision) {
    this.graph = graph;
    this.weights = weights;
    this.precision = precision;
  }

  // ---------------------------------------------------------------- weights

  parameter(name: string): Value {
    const weight = this.weights.get(name);
    assert(weight !== undefined, `the model has no parameter called ${name}`);
    return { name, weight };
  }

  embedding(name: string, ids: Value): Value {
    const table = this.parameter(name);
    if (this.precision === 'float32') return this.rows(table, ids);
    // A scale for each row: a table is most of a small model, and its rows differ much in size.
    const { graph } = this;
    const { values, scales, shape } = quantizeRows(table.weight!, 127);
    const small = this.rows(graph.store(`${name}/int8`, shape, values), ids);
    const scale = this.rows(graph.store(`${name}/scale`, [shape[0]!, 1], scales), ids);
    return graph.node('Mul', [this.toFloat(small), scale]);
  }

  /** Weights one below the other, as one constant. */
  stack(parts: readonly Value[]): Value {
    if (parts.length === 1) return parts[0]!;
    return { name: parts.map(({ name }) => name).join('+'), weight: stacked(parts.map(weightOf)) };
  }

  // ---------------------------------------------------------------- element by element

  add = (a: Value, b: Value): Value => this.graph.node('Add', [a, b]);
  tanh = (x: Value): Value => this.graph.node('Tanh', [x]);

  gelu(x: Value): Value {
    const { graph } = this;
    const erf = graph.node('Erf', [graph.node('Div', [x, graph.float(Math.SQRT2)])]);
    const twice = graph.node('Mul', [x, graph.node('Add', [erf, graph.float(1)])]);
    return graph.node('Mul', [twice, graph.float(0.5)]);
  }

  // ---------------------------------------------------------------- rows

  linear(x: Value, weight: Value, bias: Value | null): Value {
    assert(bias !== null, 'every linear layer of BERT has a bias');
    return this.precision === 'int8'
      ? this.linearInt8(x, weight, bias)
      : this.graph.node('Gemm', [x, weight, bias], { transB: { int: 1 } });
  }

  /** As onnxruntime's dynamic quantisation has it, which it fuses: see onnx-int8.ts. */
  private linearInt8(x: Value, weight: Value, bias: Value): Value {
    const { graph } = this;
    const { values, scales, shape } = quantizeRows(weightOf(weight), 64);
    const [outputs, inputs] = shape as [number, number];
    const table = graph.store(`${weight.name}/int8`, [inputs, outputs], transposed(values, outputs, inputs));
    const scale = graph.store(`${weight.name}/scale`, [outputs], scales);
    const zero = graph.store('zero', [], Int8Array.of(0));
    const [small, smallScale, smallZero] = graph.nodeOf(3, 'DynamicQuantizeLinear', [x]);
    const product = graph.node('MatMulInteger', [small!, table, smallZero!, zero]);
    const whole = graph.node('Mul', [this.toFloat(product), graph.node('Mul', [smallScale!, scale])]);
    return graph.node('Add', [whole, bias]);
  }

  layerNorm = (x: Value, weight: Value, bias: Value, epsilon: number): Value =>
    this.graph.node('LayerNormalization', [x, weight, bias], {
      axis: { int: -1 },
      epsilon: { float: epsilon },
    });

  rows = (x: Value, ids: Value): Value => this.graph.node('Gather', [x, ids], { axis: { int: 0 } });
  reshape = (x: Value, shape: readonly number[]): Value =>
    this.graph.node('Reshape', [x, this.graph.ints(...shape)]);

  private toFloat = (x: Value): Value => this.graph.node('Cast', [x], { to: { int: 1 } });

  // ---------------------------------------------------------------- attention

  toGrid = (x: Value, { grid }: PackedBatch<Value>): Value => this.rows(x, grid);
  toTokens = (x: Value, { cells }: PackedBatch<Value>): Value => this.rows(x, cells);

  /** Parts of one size each, as the only ones that BERT has. */
  splitHeads(x: Value, { mask }: PackedBatch<Value>, parts: readonly number[], size: number): Value[] {
    const { graph } = this;
    const [heads] = parts;
    assert(
      parts.every((part) => part === heads),
      'the parts have as many heads each',
    );
    const widths = graph.ints(parts.length, heads!, size);
    const shape = graph.node('Concat', [graph.node('Shape', [mask]), widths], { axis: { int: 0 } });
    const cut = graph.node('Reshape', [x, shape]); // [n, t, part, head, size]
    // The part becomes the first axis, along which cutting is one copy.
    const turned = graph.node('Transpose', [cut], { perm: { ints: [2, 0, 3, 1, 4] } });
    return parts.map((_, i) => graph.node('Gather', [turned, graph.int(i)], { axis: { int: 0 } }));
  }

  mergeHeads(x: Value, { heads, size }: HeadShape): Value {
    const turned = this.graph.node('Transpose', [x], { perm: { ints: [0, 2, 1, 3] } });
    return this.reshape(turned, [-1, heads * size]);
  }

  attention(q: Value, k: Value, v: Value, bias: Value, { size }: HeadShape): Value {
    const { graph } = this;
    const keys = graph.node('Transpose', [k], { perm: { ints: [0, 1, 3, 2] } });
    const products = graph.node('MatMul', [q, keys]);
    const scores = graph.node('Mul', [products, graph.float(1 / Math.sqrt(size))]); // [n, heads, u, t]
    const weights = graph.node('Softmax', [this.add(scores, bias)], { axis: { int: -1 } });
    return graph.node('MatMul', [weights, v]);
  }

  /** 0 where the mask is 1, else `unseen`: [n, t] -> [n, 1, 1, t]. */
  paddingBias(mask: Value): Value {
    const { graph } = this;
    const hidden = graph.node('Mul', [graph.node('Sub', [graph.float(1), mask]), graph.float(unseen)]);
    return graph.node('Unsqueeze', [hidden, graph.ints(1, 2)]);
  }
}

function weightOf({ name, weight }: Value): NamedTensor {
  assert(weight !== undefined, `${name} is computed, not a weight`);
  return weight;
}

function stacked(parts: readonly NamedTensor[]): NamedTensor {
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { shape: [rows, ...parts[0]!.shape.slice(1)], data };
}

function transposed(values: Int8Array, rows: number, columns: number): Int8Array {
  const turned = new Int8Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}
