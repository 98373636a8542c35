// Checks (invariants of optimizer.ts):
// 1. A step is AdamW's: one by hand, with clipping and decay, and five against plain TypeScript.
// 2. A loss or gradient that is not finite changes nothing, to the bit, and is reported as NON_FINITE.
// 3. Decay leaves alone what has none, frozen parameters stay, and each function has moments of its own.
import { afterEach, describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { Graph, type Output } from '../../src/tensor/graph.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../../src/tensor/optimizer.ts';
import { bias, matrix } from '../../src/tensor/parameters.ts';
import { openSession, type Session } from '../../src/tensor/session.tf.ts';
import { addTrainFunction } from '../../src/tensor/step.ts';
import { backend, randomTensor } from '../support/tensor.ts';

const parameters = [matrix('weight', 1, 2), bias('bias', 1)];
const start: Tensors = new Map([
  ['weight', { shape: [1, 2], data: Float32Array.of(1, -2) }],
  ['bias', { shape: [1], data: Float32Array.of(3) }],
]);
const settings: AdamW = { ...adamDefaults, weightDecay: 0.5, clipNorm: 1.5 };

/** y = x weight^T + bias, [k]. */
const line = (ops: Ops<Output>, x: Output): Output =>
  ops.reshape(ops.linear(x, ops.parameter('weight'), ops.parameter('bias')), [-1]);
/** Its gradient is the mean of the rows of x, and 1 for the bias. */
const meanLine = (ops: Ops<Output>, x: Output): Output => ops.mean(line(ops, x));
const meanSquare = (ops: Ops<Output>, x: Output): Output => ops.mean(ops.square(line(ops, x)));

let session: Session;
afterEach(() => session.dispose());

function open(
  losses: Record<string, (ops: Ops<Output>, x: Output) => Output>,
  trainable: (name: string) => boolean = () => true,
): void {
  const graph = new Graph();
  for (const [name, loss] of Object.entries(losses)) {
    addTrainFunction(graph, {
      name,
      parameters,
      feeds: { x: { type: 'float32', shape: ['k', 2] } as const },
      optimizer: settings,
      trainable,
      loss: (ops, { x }) => loss(ops, x),
    });
  }
  session = openSession(backend, graph);
  session.set(start, [...start.keys()]);
}

const matrixOf = (...rows: [number, number][]) => ({
  data: Float32Array.from(rows.flat()),
  shape: [rows.length, 2],
});
const values = (): Record<string, number[]> =>
  Object.fromEntries([...session.get()].map(([name, { data }]) => [name, [...data]]));
const expectClose = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, i) => {
    expect(actual[i]).toBeCloseTo(x, 6);
  });
};

describe('one step by hand', () => {
  test('gradient (2, 2, 1) of norm 3, clipped to half; decay by 5 %, then a step of 0.1', () => {
    open({ train: meanLine });
    const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });
    const { loss, gradientNorm } = session.run('train', { x: matrixOf([2, 2]), ...at });
    expect(loss![0]).toBeCloseTo(2 * 1 + 2 * -2 + 3, 6); // of the parameters before the step
    expect(gradientNorm![0]).toBeCloseTo(3, 6); // before clipping
    const now = values();
    expectClose(now.weight!, [0.95 * 1 - 0.1, 0.95 * -2 - 0.1]);
    expectClose(now.bias!, [3 - 0.1]); // no decay
    expectClose(now['opt/train/weight/m']!, [0.1 * 1, 0.1 * 1]);
    expectClose(now['opt/train/weight/v']!, [0.001 * 1, 0.001 * 1]);
    expectClose(now['opt/train/bias/m']!, [0.1 * 0.5]);
    expectClose(now['opt/train/bias/v']!, [0.001 * 0.25]);
  });

  test('a gradient within the bound is not scaled', () => {
    open({ train: meanLine });
    const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });
    const { gradientNorm } = session.run('train', { x: matrixOf([0.2, -0.4]), ...at });
    expect(gradientNorm![0]).toBeCloseTo(Math.sqrt(1.2), 6);
    const now = values();
    expectClose(now['opt/train/weight/m']!, [0.02, -0.04]);
    expectClose(now.weight!, [0.95 - 0.1, -1.9 + 0.1]);
  });

  test('the scalars of the third step', () => {
    const { rate, epsilon, keep } = adamWScalars(settings, { step: 3, learningRate: 0.01 });
    const correction = Math.sqrt(1 - 0.999 ** 3);
    expect(rate.data[0]! / ((0.01 * correction) / (1 - 0.9 ** 3))).toBeCloseTo(1, 4);
    expect(epsilon.data[0]! / (1e-8 * correction)).toBeCloseTo(1, 4);
    expect(keep.data[0]).toBeCloseTo(0.995, 7);
  });
});

/** AdamW on flat lists, in double precision, as torch.optim.AdamW documents it. */
function plainAdamW(p: number[], decays: boolean[], settings: AdamW) {
  const [m, v] = [p.map(() => 0), p.map(() => 0)];
  return (gradient: number[], step: number, learningRate: number): number => {
    const norm = Math.hypot(...gradient);
    const scale = Math.min(1, settings.clipNorm / norm);
    gradient.forEach((raw, i) => {
      const g = raw * scale;
      if (decays[i]) p[i]! -= learningRate * settings.weightDecay * p[i]!;
      m[i] = settings.beta1 * m[i]! + (1 - settings.beta1) * g;
      v[i] = settings.beta2 * v[i]! + (1 - settings.beta2) * g * g;
      const [mean, power] = [m[i] / (1 - settings.beta1 ** step), v[i] / (1 - settings.beta2 ** step)];
      p[i]! -= (learningRate * mean) / (Math.sqrt(power) + settings.epsilon);
    });
    return norm;
  };
}

test('five steps on a square loss equal a plain AdamW', () => {
  open({ train: meanSquare });
  const p = [1, -2, 3];
  const step = plainAdamW(p, [true, true, false], settings);
  const random = randomFor(1, 'adamw');
  const norms: number[] = [];
  for (let number = 1; number <= 5; number++) {
    const x = randomTensor(random, 4, 2);
    if (number > 3) x.data.fill(0.05);
    const rows = [0, 1, 2, 3].map((i) => [x.data[2 * i]!, x.data[2 * i + 1]!, 1]);
    const y = rows.map((row) => row.reduce((sum, value, i) => sum + value * p[i]!, 0));
    const gradient = p.map((_, i) => rows.reduce((sum, row, j) => sum + (2 * y[j]! * row[i]!) / 4, 0));
    const learningRate = 0.1 * number;
    const result = session.run('train', { x, ...adamWScalars(settings, { step: number, learningRate }) });
    norms.push(step(gradient, number, learningRate));
    expect(result.loss![0]).toBeCloseTo(y.reduce((sum, value) => sum + value * value, 0) / 4, 4);
    expect(result.gradientNorm![0]! / norms.at(-1)!).toBeCloseTo(1, 5);
  }
  const now = values();
  [...now.weight!, ...now.bias!].forEach((x, i) => {
    expect(x).toBeCloseTo(p[i]!, 4);
  });
  expect(norms.some((norm) => norm > settings.clipNorm)).toBe(true);
});

describe('a step that is not finite', () => {
  const bits = () =>
    [...session.get()].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')]);

  test.each([
    ['NaN', Number.NaN],
    ['an infinity', Number.POSITIVE_INFINITY],
    ['a gradient whose square overflows', 1e30],
  ])('%s changes nothing, to the bit, and training goes on afterwards', (_, bad) => {
    open({ train: meanLine });
    const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });
    const good = { x: matrixOf([2, 2]), ...at };
    session.run('train', good);
    const before = bits();
    expect(() => session.run('train', { x: matrixOf([2, bad]), ...at })).toThrow(
      expect.objectContaining({ code: 'NON_FINITE', message: expect.stringContaining('function train') }),
    );
    expect(bits()).toEqual(before);
    session.run('train', good);
    expect(bits()).not.toEqual(before);
  });

  test('the message says which of the two it was', () => {
    open({ train: meanLine });
    const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });
    expect(() => session.run('train', { x: matrixOf([2, 1e30]), ...at })).toThrow(
      /the gradient's norm is (Inf|NaN), not a finite number; nothing was changed/,
    );
  });
});

describe('what a function changes', () => {
  const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });

  test('two functions share the parameters and have moments of their own', () => {
    open({ first: meanLine, second: meanSquare });
    session.run('first', { x: matrixOf([2, 2]), ...at });
    const now = values();
    expect(now.weight).not.toEqual([1, -2]);
    expect(now['opt/first/weight/m']).not.toEqual([0, 0]);
    expect(now['opt/second/weight/m']).toEqual([0, 0]);
    expect(Object.keys(now)).toHaveLength(2 + 2 * 4);
  });

  test('frozen parameters stay as they are, without moments', () => {
    open({ train: meanLine }, (name) => name !== 'weight');
    const { gradientNorm } = session.run('train', { x: matrixOf([2, 2]), ...at });
    expect(gradientNorm![0]).toBe(1); // of the bias alone
    const now = values();
    expect(now.weight).toEqual([1, -2]);
    expectClose(now.bias!, [2.9]);
    expect(Object.keys(now)).toEqual(['weight', 'bias', 'opt/train/bias/m', 'opt/train/bias/v']);
  });
});
