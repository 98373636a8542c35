// An ONNX graph being put together: nodes in the order in which they run, and constants.
import type { NamedTensor } from '../contract.ts';
import { assert } from '../errors.ts';
import type { OnnxAttributes, OnnxNode, OnnxTensor } from './onnx-model.ts';

/** A tensor of the graph. A weight is known already, and stored when a node first takes it. */
export interface Value {
  readonly name: string;
  readonly weight?: NamedTensor;
}

export class OnnxGraph {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  private readonly stored = new Set<string>();
  /** Equal nodes on equal inputs are one. */
  private readonly known = new Map<string, readonly Value[]>();

  /** Adds an operation; equal ones are added once. */
  node(op: string, inputs: readonly Value[], attributes: OnnxAttributes = {}): Value {
    return this.nodeOf(1, op, inputs, attributes)[0]!;
  }

  /** The same, with several outputs. */
  nodeOf(
    count: number,
    op: string,
    inputs: readonly Value[],
    attributes: OnnxAttributes = {},
  ): readonly Value[] {
    const names = inputs.map(({ name }) => name);
    const key = `${op}(${names})${JSON.stringify(attributes)}`;
    const known = this.known.get(key);
    if (known) return known;
    for (const { name, weight } of inputs) if (weight) this.store(name, weight.shape, weight.data);
    const at = this.nodes.length;
    const outputs = Array.from({ length: count }, (_, i) => ({ name: `${op}_${at}${i > 0 ? `_${i}` : ''}` }));
    this.nodes.push({ op, inputs: names, outputs: outputs.map(({ name }) => name), attributes });
    this.known.set(key, outputs);
    return outputs;
  }

  /** Gives a value the name by which it leaves the graph. */
  output(value: Value, name: string): void {
    this.nodes.push({ op: 'Identity', inputs: [value.name], outputs: [name], attributes: {} });
  }

  /** int64 [n]: a shape, or indices. */
  ints(...values: number[]): Value {
    const name = `ints_${values.join('_')}`;
    return this.store(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A scalar. */
  int = (value: number): Value => this.store(`int_${value}`, [], BigInt64Array.of(BigInt(value)));
  float = (value: number): Value => this.store(`float_${value}`, [], Float32Array.of(value));

  /** A constant under a name of its own; the same name is the same constant. */
  store(name: string, shape: readonly number[], data: OnnxTensor['data']): Value {
    const elements = shape.reduce((product, size) => product * size, 1);
    assert(elements === data.length, `constant ${name} has ${data.length} numbers for the shape [${shape}]`);
    if (!this.stored.has(name)) this.constants.push({ name, shape, data });
    this.stored.add(name);
    return { name };
  }
}
