// Checks (invariants of optimizer.ts):
// 1. A step is AdamW's: one by hand, with clipping and decay, and five against plain TypeScript.
// 2. A loss or gradient that is not finite changes nothing, to the bit, and is reported as NON_FINITE.
// 3. Decay leaves alone what has none, frozen parameters stay, and each function has moments of its own.
// 4. Of a table whose rows are looked up, those rows alone change: by hand, and against plain TypeScript.
import { afterEach, describe, expect, test } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { Graph, type Output } from '../../src/tensor/graph.ts';
import type { Ops } from '../../src/tensor/ops.ts';
import { type AdamW, adamDefaults, adamWScalars } from '../../src/tensor/optimizer.ts';
import { bias, matrix } from '../../src/tensor/parameters.ts';
import { openSession, type Session } from '../../src/tensor/session.tf.ts';
import { addFunction, addTrainFunction } from '../../src/tensor/step.ts';
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

describe('rows that are looked up', () => {
  const table = [matrix('table', 4, 2)];
  const rows = [1, -2, 3, 4, 5, 6, 7, -8];
  const at = adamWScalars(settings, { step: 1, learningRate: 0.1 });
  const meanOfRows = (ops: Ops<Output>, ids: Output) =>
    ops.mean(ops.reshape(ops.embedding('table', ids), [-1]));
  const meanSquareOfRows = (ops: Ops<Output>, ids: Output) =>
    ops.mean(ops.square(ops.reshape(ops.embedding('table', ids), [-1])));
  const idsOf = (...ids: number[]) => ({ ids: { data: Int32Array.from(ids), shape: [ids.length] } });

  function openTable(loss: (ops: Ops<Output>, ids: Output) => Output, weights = rows): void {
    const graph = new Graph();
    const feeds = { ids: { type: 'int32', shape: ['k'] } as const };
    const options = { name: 'train', parameters: table, feeds, optimizer: settings };
    addTrainFunction(graph, { ...options, loss: (ops, { ids }) => loss(ops, ids) });
    addFunction(graph, {
      name: 'look',
      parameters: table,
      feeds,
      outputs: (ops, { ids }) => ({ rows: ops.embedding('table', ids) }),
    });
    session = openSession(backend, graph);
    session.set(new Map([['table', { shape: [4, 2], data: Float32Array.from(weights) }]]), ['table']);
  }

  test('row 2 twice and row 0 once: summed, then clipped, decayed and moved; the others not at all', () => {
    openTable((ops, ids) => ops.affine(meanOfRows(ops, ids), 9)); // 1.5 per number and occurrence
    const { gradientNorm } = session.run('train', { ...idsOf(2, 0, 2), ...at });
    expect(gradientNorm![0]).toBeCloseTo(Math.sqrt(2 * 3 ** 2 + 2 * 1.5 ** 2), 5);
    const scale = 1.5 / Math.sqrt(22.5);
    const [g0, g2] = [1.5 * scale, 3 * scale];
    const now = values();
    expectClose(now.table!, [0.95 - 0.1, -1.9 - 0.1, 3, 4, 4.75 - 0.1, 5.7 - 0.1, 7, -8]);
    expectClose(
      now['opt/train/table/m']!,
      [g0, g0, 0, 0, g2, g2, 0, 0].map((g) => 0.1 * g),
    );
    expectClose(
      now['opt/train/table/v']!,
      [g0, g0, 0, 0, g2, g2, 0, 0].map((g) => 0.001 * g * g),
    );
  });

  test('a row that is not named keeps weights and moments, to the bit; others see the update', () => {
    openTable(meanSquareOfRows);
    session.run('train', { ...idsOf(1, 3), ...at });
    const before = values();
    session.run('train', { ...idsOf(0), ...at });
    const after = values();
    for (const name of ['table', 'opt/train/table/m', 'opt/train/table/v']) {
      expect(after[name]!.slice(2)).toEqual(before[name]!.slice(2));
      expect(after[name]!.slice(0, 2)).not.toEqual(before[name]!.slice(0, 2));
    }
    expect([...session.run('look', idsOf(3, 0)).rows!]).toEqual([
      ...after.table!.slice(6),
      ...after.table!.slice(0, 2),
    ]);
  });

  test('eight steps equal a plain AdamW that is applied to the rows of each batch', () => {
    openTable(meanSquareOfRows);
    const random = randomFor(3, 'rows');
    const p = rows.map((x) => x);
    const [m, v] = [p.map(() => 0), p.map(() => 0)];
    for (let step = 1; step <= 8; step++) {
      const ids = Array.from({ length: 3 }, () => random.below(4));
      const learningRate = 0.02 * step;
      const cells = [...new Set(ids)].flatMap((id) => [2 * id, 2 * id + 1]);
      const count = (cell: number) => ids.filter((id) => id === cell >> 1).length;
      const gradient = new Map(cells.map((cell) => [cell, (count(cell) * 2 * p[cell]!) / 6]));
      const norm = Math.hypot(...gradient.values());
      for (const [cell, raw] of gradient) {
        const g = raw * Math.min(1, settings.clipNorm / norm);
        m[cell] = 0.9 * m[cell]! + 0.1 * g;
        v[cell] = 0.999 * v[cell]! + 0.001 * g * g;
        const root = Math.sqrt(v[cell] / (1 - 0.999 ** step)) + settings.epsilon;
        const move = (learningRate * m[cell]) / (1 - 0.9 ** step) / root;
        p[cell] = p[cell]! * (1 - learningRate * settings.weightDecay) - move;
      }
      const result = session.run('train', {
        ...idsOf(...ids),
        ...adamWScalars(settings, { step, learningRate }),
      });
      expect(result.gradientNorm![0]! / norm).toBeCloseTo(1, 5);
    }
    values().table!.forEach((x, i) => {
      expect(x).toBeCloseTo(p[i]!, 4);
    });
  });

  test('a loss that is not finite changes no row', () => {
    openTable(meanSquareOfRows, [1, -2, Number.NaN, 4, 5, 6, 7, -8]);
    const before = values();
    const step = () => session.run('train', { ...idsOf(0, 1), ...at });
    expect(step).toThrow(expect.objectContaining({ code: 'NON_FINITE' }));
    expect(values()).toEqual(before);
  });

  test('a table is looked up or used whole, not both', () => {
    const both = (ops: Ops<Output>, ids: Output) =>
      ops.add(ops.embedding('table', ids), ops.parameter('table'));
    expect(() => openTable(both)).toThrow('table is looked up, so it cannot be used whole as well');
    const whole = (ops: Ops<Output>, ids: Output) =>
      ops.add(ops.parameter('table'), ops.embedding('table', ids));
    expect(() => openTable(whole)).toThrow('table is used whole, so it cannot be looked up as well');
  });
});
