// A TensorFlow graph being put together: nodes, variables and the functions that a session can run.
import { assert } from '../errors.ts';
import {
  type Attributes,
  type DataType,
  dataTypeOf,
  encodeSavedModel,
  type NodeDef,
  type Serving,
} from './graph-def.ts';

/** An output of a node: a tensor of the graph. `name` is the first output, `name:1` the second. */
export type Output = string & { readonly brand: 'Output' };

/**
 * A size in the shape of a feed: known, or a name. A name stands for any size, the same one wherever the name
 * occurs in the feeds of a function; `2b` is twice the size `b`.
 */
export type Size = number | string;

export interface FeedSpec {
  readonly type: DataType;
  readonly shape: readonly Size[];
}

/** A feed and the placeholder that takes it. */
export interface Feed extends FeedSpec {
  readonly node: Output;
}

/** What can be run: feeds by name in, float32 tensors by name out. */
export interface GraphFunction {
  readonly name: string;
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly fetches: Readonly<Record<string, Output>>;
}

/** float32. Lives in the session, survives from run to run. */
export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether it is zero at first. Otherwise it must be set before anything reads it. */
  readonly startsAtZero: boolean;
  /** Its resource handle. */
  readonly handle: Output;
}

const float32 = { type: 'float32' } as const;

/** Constants of at most this many elements are shared when equal. */
const sharedConstantMax = 64;

export class Graph {
  readonly variables = new Map<string, Variable>();
  readonly functions = new Map<string, GraphFunction>();
  private readonly nodes: NodeDef[] = [];
  private readonly names = new Set<string>();
  private readonly constants = new Map<string, Output>();

  /** Adds an operation under a name of its own and returns its first output. */
  node(op: string, inputs: readonly string[], attributes: Attributes, name: string): Output {
    assert(!this.names.has(name), `the graph has two nodes called ${name}`);
    this.names.add(name);
    this.nodes.push({ name, op, inputs, attributes });
    return name as Output;
  }

  constant(data: Float32Array | Int32Array, shape: readonly number[]): Output {
    const type = dataTypeOf(data);
    const key = data.length <= sharedConstantMax ? `${type} [${shape}] ${[...data]}` : null;
    const known = key === null ? undefined : this.constants.get(key);
    if (known !== undefined) return known;
    const attributes = { dtype: { type }, value: { tensor: { shape, data } } };
    const output = this.node('Const', [], attributes, `constant/${this.nodes.length}`);
    if (key !== null) this.constants.set(key, output);
    return output;
  }

  /** A scalar. */
  float = (value: number): Output => this.constant(Float32Array.of(value), []);
  /** A scalar, or a vector when given a list. */
  ints = (value: number | readonly number[]): Output =>
    typeof value === 'number'
      ? this.constant(Int32Array.of(value), [])
      : this.constant(Int32Array.from(value), [value.length]);

  /** A tensor that every run of the function is given. */
  placeholder(name: string, { type, shape }: FeedSpec): Output {
    const sizes = shape.map((size) => (typeof size === 'number' ? size : -1));
    return this.node('Placeholder', [], { dtype: { type }, shape: { shape: sizes } }, name);
  }

  /** The variable of this name; made on first use. */
  variable(name: string, shape: readonly number[], { startsAtZero }: { startsAtZero: boolean }): Variable {
    const known = this.variables.get(name);
    if (known) {
      assert(`${known.shape}` === `${shape}`, `variable ${name} has shape [${known.shape}], not [${shape}]`);
      return known;
    }
    const handle = this.node(
      'VarHandleOp',
      [],
      { dtype: float32, shape: { shape }, shared_name: { string: name }, container: { string: '' } },
      `variable/${name}`,
    );
    const variable = { name, shape, startsAtZero, handle };
    this.variables.set(name, variable);
    this.addAccess(variable);
    return variable;
  }

  /** Computes `value` after `dependencies` have run. */
  after(value: Output, dependencies: readonly string[], name: string): Output {
    return this.node('Identity', [value, ...dependencies.map((d) => `^${d}`)], { T: float32 }, name);
  }

  addFunction(definition: GraphFunction): void {
    assert(!this.functions.has(definition.name), `the graph has two functions called ${definition.name}`);
    this.functions.set(definition.name, definition);
  }

  encode(serving: Serving | null = null): Uint8Array {
    return encodeSavedModel(this.nodes, serving);
  }

  /** The nodes by which a session reads, writes and clears a variable: see `accessOf`. */
  private addAccess({ name, shape, startsAtZero, handle }: Variable): void {
    const access = accessOf(name);
    this.node('ReadVariableOp', [handle], { dtype: float32 }, access.read);
    const value = this.placeholder(access.value, { type: 'float32', shape });
    // A fed tensor's memory belongs to a JavaScript typed array; the variable would adopt it.
    const copy = this.node('DeepCopy', [value], { T: float32 }, `${access.assign}/copy`);
    this.store(handle, copy, access.assign);
    if (!startsAtZero) return;
    const fill = { T: float32, index_type: { type: 'int32' } } as const;
    const zeros = this.node('Fill', [this.ints(shape), this.float(0)], fill, `${access.clear}/zeros`);
    this.store(handle, zeros, access.clear);
  }

  /** Assigning has no output, and only outputs can be fetched: `name` is a 1 that comes after it. */
  private store(handle: Output, value: Output, name: string): void {
    const stored = this.node('AssignVariableOp', [handle, value], { dtype: float32 }, `${name}/store`);
    this.after(this.float(1), [stored], name);
  }
}

/** The nodes that give access to a variable: fetch `read`; feed `value` and fetch `assign`; fetch `clear`. */
export function accessOf(variable: string): { read: string; value: string; assign: string; clear: string } {
  return {
    read: `read/${variable}`,
    value: `assign/${variable}/value`,
    assign: `assign/${variable}`,
    clear: `clear/${variable}`,
  };
}
