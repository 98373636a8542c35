// The ops of a model run one by one in tfjs, with tfjs's own gradients: the reference that graph-ops.ts is
// tested against. Slow, and it holds every intermediate; nothing trains on it.
//
// Whoever calls disposes: `eagerGradients` does so for the whole of a loss.
import type * as tfjs from '@tensorflow/tfjs-node-gpu';
import type { NamedTensor, Tensors } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Backend, Tf } from './backend.tf.ts';
import { type Border, type HeadShape, type Ops, unseen } from './ops.ts';
import type { FeedValue, PackedBatch } from './packing.ts';

type Tensor = tfjs.Tensor;

export class EagerOps implements Ops<Tensor> {
  private readonly tf: Tf;
  private readonly parameters: ReadonlyMap<string, Tensor>;

  constructor(tf: Tf, parameters: ReadonlyMap<string, Tensor>) {
    this.tf = tf;
    this.parameters = parameters;
  }

  parameter(name: string): Tensor {
    const found = this.parameters.get(name);
    assert(found !== undefined, `the model has no parameter called ${name}`);
    return found;
  }

  embedding = (name: string, ids: Tensor): Tensor => this.rows(this.parameter(name), ids);
  constant = (values: Float32Array, shape: readonly number[]): Tensor => this.tf.tensor(values, [...shape]);

  segment = (x: Tensor, body: (x: Tensor) => Tensor): Tensor => body(x);

  // ---------------------------------------------------------------- element by element

  add = (a: Tensor, b: Tensor): Tensor => this.tf.add(a, b);
  subtract = (a: Tensor, b: Tensor): Tensor => this.tf.sub(a, b);
  affine = (x: Tensor, factor: number, offset = 0): Tensor => this.tf.add(this.tf.mul(x, factor), offset);
  square = (x: Tensor): Tensor => this.tf.square(x);
  tanh = (x: Tensor): Tensor => this.tf.tanh(x);
  relu = (x: Tensor): Tensor => this.tf.relu(x);
  softplus = (x: Tensor): Tensor => this.tf.softplus(x);
  gelu = (x: Tensor): Tensor => {
    const below = this.tf.mul(this.tf.add(this.tf.erf(this.tf.mul(x, Math.SQRT1_2)), 1), 0.5);
    return this.tf.mul(x, below);
  };
  swiglu = (gate: Tensor, up: Tensor): Tensor => this.tf.mul(this.tf.mul(gate, this.tf.sigmoid(gate)), up);

  // ---------------------------------------------------------------- rows

  linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
    const product = this.tf.matMul(x, weight, false, true);
    return bias === null ? product : this.tf.add(product, bias);
  }

  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
    const { tf } = this;
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), weight), bias);
  }

  rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
    const { tf } = this;
    const power = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(power, epsilon))), weight);
  }

  rows = (x: Tensor, ids: Tensor): Tensor => this.tf.gather(x, ids);
  stack = (parts: readonly Tensor[]): Tensor => this.tf.concat([...parts], 0);
  halves = (x: Tensor): readonly [Tensor, Tensor] => this.tf.split(x, 2, 0) as [Tensor, Tensor];
  reshape = (x: Tensor, shape: readonly number[]): Tensor => this.tf.reshape(x, [...shape]);
  pad = (x: Tensor, { rows, columns }: Border): Tensor => this.tf.pad(x, [[...rows], [...columns]]);

  // ---------------------------------------------------------------- attention

  toGrid = (x: Tensor, { grid }: PackedBatch<Tensor>): Tensor => this.rows(x, this.tf.reshape(grid, [-1]));
  toTokens = (x: Tensor, { cells }: PackedBatch<Tensor>): Tensor => this.rows(x, cells);

  splitHeads(x: Tensor, { mask }: PackedBatch<Tensor>, parts: readonly number[], size: number): Tensor[] {
    const { tf } = this;
    const [n, t] = mask.shape as [number, number];
    const heads = tf.transpose(tf.reshape(x, [n, t, -1, size]), [0, 2, 1, 3]); // [n, heads, t, size]
    return this.cutHeads(heads, parts);
  }

  /** tfjs has no gradient for a split into one part. */
  private cutHeads(x: Tensor, parts: readonly number[]): Tensor[] {
    return parts.length === 1 ? [x] : this.tf.split(x, [...parts], 1);
  }

  mergeHeads(x: Tensor, { heads, size }: HeadShape): Tensor {
    return this.tf.reshape(this.tf.transpose(x, [0, 2, 1, 3]), [-1, heads * size]);
  }

  rotate(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
    const { tf } = this;
    const swapped = tf.concat(tf.split(x, 2, 3).toReversed(), 3);
    return tf.add(tf.mul(x, cos), tf.mul(swapped, sin));
  }

  attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, shape: HeadShape & { groups: number }): Tensor {
    const { tf } = this;
    const keys = this.repeatHeads(k, shape);
    const values = this.repeatHeads(v, shape);
    const scores = tf.mul(tf.matMul(q, keys, false, true), 1 / Math.sqrt(shape.size));
    return tf.matMul(tf.softmax(tf.add(scores, bias)), values);
  }

  /** [n, heads / groups, t, size] -> [n, heads, t, size], each head `groups` times in a row. */
  private repeatHeads(x: Tensor, { heads, groups }: HeadShape & { groups: number }): Tensor {
    const ones = Array.from({ length: heads / groups }, () => 1);
    const parts = this.cutHeads(x, ones).flatMap((head) => Array.from({ length: groups }, () => head));
    return this.tf.concat(parts, 1);
  }

  paddingBias(mask: Tensor): Tensor {
    const [n, t] = mask.shape as [number, number];
    return this.tf.reshape(this.tf.mul(this.tf.sub(1, mask), unseen), [n, 1, 1, t]);
  }

  causalBias(mask: Tensor): Tensor {
    const t = mask.shape[1]!;
    const later = Float32Array.from({ length: t * t }, (_, cell) =>
      cell % t > Math.floor(cell / t) ? unseen : 0,
    );
    return this.tf.tensor(later, [1, 1, t, t]);
  }

  // ---------------------------------------------------------------- to one number

  mean = (x: Tensor): Tensor => this.tf.mean(x);
  weightedMean = (x: Tensor, weights: Tensor): Tensor =>
    this.tf.div(this.tf.sum(this.tf.mul(x, weights)), this.tf.sum(weights));

  crossEntropy(logits: Tensor, targets: Tensor): Tensor {
    const { tf } = this;
    const picked = tf.oneHot(targets, logits.shape[1]!);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), picked), -1)));
  }
}

/** What a loss comes to, and its gradient for every parameter that it depends on. */
export interface Differentiated {
  readonly loss: number;
  readonly gradients: Tensors;
}

type Feeds<F> = F & { readonly [K in keyof F]: FeedValue };
type Inputs<F> = { readonly [K in keyof F]: Tensor };

/** Computes a scalar `loss` and its gradients eagerly. All tensors made on the way are disposed. */
export function eagerGradients<F>(
  { tf }: Backend,
  parameters: Tensors,
  feeds: Feeds<F>,
  loss: (ops: EagerOps, inputs: Inputs<F>) => Tensor,
): Differentiated {
  const variables = new Map(
    [...parameters].map(([name, { data, shape }]) => [
      name,
      tf.variable(tf.tensor(data.slice(), [...shape])),
    ]),
  );
  const inputs = inputTensors<F>(tf, feeds);
  const results: Tensor[] = [];
  try {
    const forward = () => loss(new EagerOps(tf, variables), inputs) as tfjs.Scalar;
    const { value, grads } = tf.variableGrads(forward, [...variables.values()]);
    results.push(value, ...Object.values(grads));
    const gradients = [...variables].flatMap(([name, variable]) => {
      const gradient = grads[variable.name];
      return gradient ? [[name, read(gradient)] as const] : [];
    });
    return { loss: read(value).data[0]!, gradients: new Map(gradients) };
  } finally {
    tf.dispose([...results, ...variables.values(), ...Object.values<Tensor>(inputs)]);
  }
}

function inputTensors<F>(tf: Tf, feeds: Feeds<F>): Inputs<F> {
  const tensors = Object.entries<FeedValue>(feeds).map(([name, { data, shape }]) => {
    const type = data instanceof Float32Array ? 'float32' : 'int32';
    return [name, tf.tensor(data.slice(), [...shape], type)] as const;
  });
  return Object.fromEntries(tensors) as Inputs<F>;
}

const read = (tensor: Tensor): NamedTensor => ({
  shape: tensor.shape,
  data: tensor.dataSync() as Float32Array,
});
