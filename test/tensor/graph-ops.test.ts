// Checks, for every op of `Ops` and over small shapes:
// 1. Value and gradients of the compiled op equal those of eager tfjs.
// 2. Gradients equal central finite differences of the compiled value, along a random direction.
// 3. Nothing is asked of parameters that are not trainable, and a half-used op is a mistake that is found.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NamedTensor, Tensors } from '../../src/contract.ts';
import { type Random, randomFor } from '../../src/random.ts';
import { Graph } from '../../src/tensor/graph.ts';
import { GraphOps } from '../../src/tensor/graph-ops.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import { type FeedValue, type PackedBatch, pack } from '../../src/tensor/packing.ts';
import { compile, eager, randomTensor, specsOf } from '../support/tensor.ts';

type Parameter = <T>(ops: Ops<T>) => (name: string) => T;
const parameter: Parameter = (ops) => (name) => ops.parameter(name);

interface Case {
  readonly parameters: Record<string, NamedTensor>;
  readonly feeds?: Record<string, FeedValue>;
  /** How many numbers `output` has. */
  readonly size: number;
  readonly output: <T>(ops: Ops<T>, p: (name: string) => T, inputs: Readonly<Record<string, T>>) => T;
}

/** Sizes 1 to 4 and a source of values -> an op on tensors of these sizes. */
type MakeCase = (random: Random, a: number, b: number, c: number) => Case;

const ints = (values: readonly number[], ...shape: number[]): FeedValue => ({
  data: Int32Array.from(values),
  shape: shape.length > 0 ? shape : [values.length],
});
const several = (random: Random, count: number, bound: number) =>
  ints(Array.from({ length: count }, () => random.below(bound)));

/** Away from 0, where relu has no gradient that finite differences could find. */
const apart = (tensor: NamedTensor): NamedTensor => ({
  ...tensor,
  data: tensor.data.map((x) => x + Math.sign(x) * 0.1),
});

/** One tensor through an op that keeps its shape. */
const unary =
  (op: <T>(ops: Ops<T>, x: T) => T): MakeCase =>
  (random, a, b) => ({
    parameters: { x: apart(randomTensor(random, a, b)) },
    size: a * b,
    output: (ops, p) => op(ops, p('x')),
  });

const binary =
  (op: <T>(ops: Ops<T>, x: T, y: T) => T): MakeCase =>
  (random, a, b) => ({
    parameters: { x: randomTensor(random, a, b), y: randomTensor(random, a, b) },
    size: a * b,
    output: (ops, p) => op(ops, p('x'), p('y')),
  });

/** Sequences of 1 to 4 tokens. */
function someBatch(random: Random, n: number): PackedBatch<FeedValue> & { m: number; cells_: number } {
  const batch = pack(Array.from({ length: n }, () => ({ ids: new Int32Array(1 + random.below(4)) })));
  return { ...batch, m: batch.ids.data.length, cells_: batch.grid.data.length };
}
const feedsOf = ({ grid, mask, cells }: PackedBatch<FeedValue>) => ({ grid, mask, cells });
const packed = <T>(inputs: Readonly<Record<string, T>>) => inputs as unknown as PackedBatch<T>;

const splitting =
  (parts: readonly number[]): MakeCase =>
  (random, n, size) => {
    const batch = someBatch(random, n);
    const heads = parts.reduce((sum, part) => sum + part, 0);
    return {
      parameters: { x: randomTensor(random, batch.cells_, heads * size) },
      feeds: feedsOf(batch),
      size: batch.cells_ * heads * size,
      output: (ops, p, inputs) => {
        const split = ops.splitHeads(p('x'), packed(inputs), parts, size);
        // Each part turned into something else, so that no two may be exchanged.
        return ops.stack(split.map((part, i) => ops.reshape(ops.affine(part, i + 1), [-1])));
      },
    };
  };

const attending =
  (heads: number, groups: number): MakeCase =>
  (random, n, u, t) => ({
    parameters: {
      q: randomTensor(random, n, heads, u, 3),
      k: randomTensor(random, n, heads / groups, t, 3),
      v: randomTensor(random, n, heads / groups, t, 3),
    },
    feeds: { bias: randomTensor(random, n, 1, 1, t) },
    size: n * heads * u * 3,
    output: (ops, p, { bias }) => ops.attention(p('q'), p('k'), p('v'), bias!, { heads, size: 3, groups }),
  });

const cases: Record<string, MakeCase> = {
  add: binary((ops, x, y) => ops.add(x, y)),
  'add to itself': unary((ops, x) => ops.add(x, x)),
  'the same computed twice': unary((ops, x) => ops.add(ops.square(ops.tanh(x)), ops.square(ops.tanh(x)))),
  subtract: binary((ops, x, y) => ops.subtract(x, y)),
  affine: unary((ops, x) => ops.affine(x, -2.5, 0.75)),
  'affine without offset': unary((ops, x) => ops.affine(x, 3)),
  square: unary((ops, x) => ops.square(x)),
  tanh: unary((ops, x) => ops.tanh(x)),
  relu: unary((ops, x) => ops.relu(x)),
  softplus: unary((ops, x) => ops.softplus(x)),
  gelu: unary((ops, x) => ops.gelu(x)),
  swiglu: binary((ops, x, y) => ops.swiglu(x, y)),
  linear: (random, m, inputs, outputs) => ({
    parameters: {
      x: randomTensor(random, m, inputs),
      weight: randomTensor(random, outputs, inputs),
      bias: randomTensor(random, outputs),
    },
    size: m * outputs,
    output: (ops, p) => ops.linear(p('x'), p('weight'), p('bias')),
  }),
  'linear without bias': (random, m, inputs, outputs) => ({
    parameters: { x: randomTensor(random, m, inputs), weight: randomTensor(random, outputs, inputs) },
    size: m * outputs,
    output: (ops, p) => ops.linear(p('x'), p('weight'), null),
  }),
  layerNorm: (random, m, width) => ({
    parameters: {
      x: randomTensor(random, m, width + 1),
      weight: randomTensor(random, width + 1),
      bias: randomTensor(random, width + 1),
    },
    size: m * (width + 1),
    output: (ops, p) => ops.layerNorm(p('x'), p('weight'), p('bias'), 0.05),
  }),
  rmsNorm: (random, m, width) => ({
    parameters: { x: randomTensor(random, m, width), weight: randomTensor(random, width) },
    size: m * width,
    output: (ops, p) => ops.rmsNorm(p('x'), p('weight'), 0.05),
  }),
  rows: (random, table, width, taken) => ({
    parameters: { x: randomTensor(random, table, width) },
    feeds: { ids: several(random, taken + 2, table) },
    size: (taken + 2) * width,
    output: (ops, p, { ids }) => ops.rows(p('x'), ids!),
  }),
  // Looked up twice, with ids in common.
  embedding: (random, rows, width, k) => ({
    parameters: { x: randomTensor(random, rows, width) },
    feeds: { ids: several(random, k, rows), others: several(random, k + 1, rows) },
    size: (3 * k + 1) * width,
    output: (ops, _, { ids, others }) => {
      const found = ops.stack([ops.embedding('x', ids!), ops.affine(ops.embedding('x', others!), 2)]);
      return ops.stack([found, ops.square(ops.embedding('x', ids!))]); // the same again
    },
  }),
  'stack of matrices': (random, a, b, width) => ({
    parameters: {
      x: randomTensor(random, a, width),
      y: randomTensor(random, b, width),
      z: randomTensor(random, 2, width),
    },
    size: (a + b + 2) * width,
    output: (ops, p) => ops.stack([p('x'), p('y'), p('z')]),
  }),
  'stack of vectors': (random, a, b) => ({
    parameters: { x: randomTensor(random, a), y: randomTensor(random, b) },
    size: a + b,
    output: (ops, p) => ops.stack([p('x'), p('y')]),
  }),
  halves: (random, b) => ({
    parameters: { x: randomTensor(random, 2 * b) },
    size: b,
    output: (ops, p) => {
      const [first, second] = ops.halves(p('x'));
      return ops.subtract(ops.square(first), second);
    },
  }),
  reshape: (random, a, b) => ({
    parameters: { x: randomTensor(random, a, b, 2) },
    size: a * b * 2,
    output: (ops, p) => ops.square(ops.reshape(p('x'), [-1, 2])),
  }),
  pad: (random, a, b, above) => ({
    parameters: { x: randomTensor(random, a, b) },
    size: (a + above + 2) * (b + 1),
    output: (ops, p) => ops.pad(ops.square(p('x')), { rows: [above, 2], columns: [0, 1] }),
  }),
  segment: (random, a, b) => ({
    parameters: { x: randomTensor(random, a, b), y: randomTensor(random, a, b) },
    size: a * b,
    output: (ops, p) => ops.segment(ops.square(p('x')), (x) => ops.add(ops.tanh(x), ops.square(p('y')))),
  }),
  toGrid: (random, n, width) => {
    const batch = someBatch(random, n);
    return {
      parameters: { x: randomTensor(random, batch.m, width), pads: randomTensor(random, batch.m, width) },
      feeds: feedsOf(batch),
      size: batch.m * width,
      // Through the grid and back: a pad must not count, and it does not when it is dropped.
      output: (ops, p, inputs) => {
        const grid = ops.square(ops.toGrid(p('x'), packed(inputs)));
        return ops.add(ops.toTokens(grid, packed(inputs)), p('pads'));
      },
    };
  },
  toTokens: (random, n, width) => {
    const batch = someBatch(random, n);
    return {
      parameters: { x: randomTensor(random, batch.cells_, width) },
      feeds: feedsOf(batch),
      size: batch.m * width,
      output: (ops, p, inputs) => ops.toTokens(p('x'), packed(inputs)),
    };
  },
  'splitHeads into one part': splitting([2]),
  'splitHeads into equal parts': splitting([2, 2, 2]),
  'splitHeads into unequal parts': splitting([4, 1, 1]),
  mergeHeads: (random, n, heads, t) => ({
    parameters: { x: randomTensor(random, n, heads, t, 2) },
    size: n * heads * t * 2,
    output: (ops, p) => ops.mergeHeads(p('x'), { heads, size: 2 }),
  }),
  rotate: (random, n, heads, t) => ({
    parameters: { x: randomTensor(random, n, heads, t, 4) },
    feeds: { cos: randomTensor(random, n, 1, t, 4), sin: randomTensor(random, n, 1, t, 4) },
    size: n * heads * t * 4,
    output: (ops, p, { cos, sin }) => ops.rotate(p('x'), cos!, sin!),
  }),
  attention: attending(2, 1),
  'attention with shared keys': attending(4, 2),
  'attention with one key head': attending(3, 3),
  'padding and causal bias': (random, n) => {
    const batch = someBatch(random, n);
    const t = batch.mask.shape[1]!;
    return {
      parameters: {
        q: randomTensor(random, n, 1, t, 2),
        k: randomTensor(random, n, 1, t, 2),
        v: randomTensor(random, n, 1, t, 2),
      },
      feeds: { mask: batch.mask },
      size: 2 * n * t * 2,
      output: (ops, p, { mask }) => {
        const shape = { heads: 1, size: 2, groups: 1 };
        const padded = ops.attention(p('q'), p('k'), p('v'), ops.paddingBias(mask!), shape);
        const causal = ops.attention(p('q'), p('k'), p('v'), ops.causalBias(mask!), shape);
        return ops.stack([padded, causal]);
      },
    };
  },
  mean: (random, a) => ({
    parameters: { x: randomTensor(random, a) },
    size: 1,
    output: (ops, p) => ops.square(ops.mean(p('x'))),
  }),
  weightedMean: (random, a) => ({
    parameters: { x: randomTensor(random, a) },
    feeds: { w: { data: randomTensor(random, a).data.map((x) => x * x + 0.1), shape: [a] } },
    size: 1,
    output: (ops, p, { w }) => ops.square(ops.weightedMean(p('x'), w!)),
  }),
  crossEntropy: (random, k, classes) => ({
    parameters: { x: randomTensor(random, k, classes + 1) },
    feeds: { targets: several(random, k, classes + 1) },
    size: 1,
    output: (ops, p, { targets }) => ops.crossEntropy(p('x'), targets!),
  }),
};

/** The op's outputs, each with a weight of its own, added up. */
function lossOf(make: MakeCase, seed: number, sizes: readonly [number, number, number]) {
  const random = randomFor(seed, 'op');
  const { parameters, feeds, size, output } = make(random, ...sizes);
  const weights = { data: Float32Array.from({ length: size }, () => 0.5 + random.next()), shape: [size] };
  const loss = <T>(ops: Ops<T>, inputs: Readonly<Record<string, T>>): T =>
    ops.weightedMean(ops.reshape(output(ops, parameter(ops), inputs), [-1]), inputs.weights!);
  return { parameters: new Map(Object.entries(parameters)), feeds: { ...feeds, weights }, loss, random };
}

/** x + length * direction. */
const moved = (x: Tensors, direction: Tensors, length: number): Tensors =>
  new Map(
    [...x].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value, i) => value + length * direction.get(name)!.data[i]!) },
    ]),
  );

const dot = (a: Tensors, b: Tensors): number =>
  [...a].reduce((sum, [name, { data }]) => data.reduce((s, x, i) => s + x * b.get(name)!.data[i]!, sum), 0);

const size = fc.integer({ min: 1, max: 4 });

describe.each(Object.entries(cases))('%s', (_, make) => {
  test('value and gradients are those of eager tfjs, and of finite differences', () => {
    const property = fc.property(fc.nat(), fc.tuple(size, size, size), (seed, sizes) => {
      const { parameters, feeds, loss, random } = lossOf(make, seed, sizes);
      const expected = eager(parameters, feeds, loss);
      const f = compile(parameters, feeds, loss);
      try {
        const actual = f.run(parameters);
        expect(actual.loss).toBeCloseTo(expected.loss, 4);
        expect([...actual.gradients.keys()].sort()).toEqual([...parameters.keys()].sort());
        for (const [name, { data }] of expected.gradients) {
          const got = actual.gradients.get(name)!.data;
          for (let i = 0; i < data.length; i++) expect(got[i]).toBeCloseTo(data[i]!, 4);
        }
        const direction = new Map(
          [...parameters].map(([name, { shape }]) => [name, randomTensor(random, ...shape)] as const),
        );
        const h = 1e-2;
        const after = f.run(moved(parameters, direction, h)).loss;
        const before = f.run(moved(parameters, direction, -h)).loss;
        const slope = dot(actual.gradients, direction);
        expect(Math.abs((after - before) / (2 * h) - slope)).toBeLessThan(0.01 * (1 + Math.abs(slope)));
      } finally {
        f.dispose();
      }
    });
    fc.assert(property, { numRuns: 5, seed: 1 });
  });
});

describe('what is differentiated', () => {
  const specs = specsOf(new Map(['a', 'b'].map((name) => [name, { shape: [2], data: new Float32Array(2) }])));
  const opsFor = (trainable: (name: string) => boolean) =>
    new GraphOps(new Graph(), { scope: 'f', parameters: specs, trainable });

  test('only trainable parameters, and only those the loss depends on', () => {
    const frozen = opsFor((name) => name !== 'b');
    const loss = frozen.mean(frozen.add(frozen.parameter('a'), frozen.parameter('b')));
    expect([...frozen.gradients(loss).keys()]).toEqual(['a']);
    const unused = opsFor(() => true);
    unused.parameter('b');
    expect([...unused.gradients(unused.mean(unused.parameter('a'))).keys()]).toEqual(['a']);
  });

  test('an unknown parameter and a half that nobody uses', () => {
    const ops = opsFor(() => true);
    expect(() => ops.parameter('c')).toThrow('no parameter called c');
    const [first] = ops.halves(ops.parameter('a'));
    expect(() => ops.gradients(ops.mean(first))).toThrow('is not part of the loss');
  });
});
