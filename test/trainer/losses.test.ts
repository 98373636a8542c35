// Checks, for the compiled and the eager ops alike:
// 1. Every loss has the value and the gradient computed by hand, signs included.
// 2. Margins are signed: a teacher that prefers the "negative" pulls the student over.
// 3. Gradients equal central finite differences.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ops } from '../../src/tensor/ops.ts';
import type { FeedValue } from '../../src/tensor/packing.ts';
import { hinge, hybridMse, marginMse, pointMse, rankNet } from '../../src/trainer/losses.ts';
import { compile, compiled, eager } from '../support/tensor.ts';

const vector = (...data: number[]) => ({ data: Float32Array.from(data), shape: [data.length] });
/** Two pairs. The student leads by 1 and 1.5 ... */
const student = vector(2, 0.5, 1, -1);
/** ... and the teacher prefers the other one, by 1 and 1.5. */
const teacher = vector(1, -1, 2, 0.5);
const weights = vector(1, 3);

type ScoreLoss = <T>(ops: Ops<T>, scores: T, inputs: { readonly teacher: T; readonly weights: T }) => T;

interface Case {
  readonly loss: ScoreLoss;
  readonly value: number;
  readonly gradient: readonly number[];
}

const cases: Record<string, Case> = {
  pointMse: {
    loss: (ops, scores, inputs) => pointMse(ops, scores, inputs.teacher),
    value: (1 + 2.25 + 1 + 2.25) / 4,
    gradient: [2 / 4, 3 / 4, -2 / 4, -3 / 4],
  },
  marginMse: {
    loss: (ops, scores, inputs) => marginMse(ops, scores, inputs.teacher),
    value: (2 ** 2 + 3 ** 2) / 2, // 1 - (-1) and 1.5 - (-1.5)
    gradient: [2, 3, -2, -3],
  },
  'hybridMse, point weight 0.25': {
    loss: (ops, scores, inputs) => hybridMse(ops, scores, inputs.teacher, 0.25),
    value: 0.25 * 1.625 + 0.75 * 6.5,
    gradient: [1.625, 2.4375, -1.625, -2.4375],
  },
  rankNet: {
    loss: (ops, scores, inputs) => rankNet(ops, scores, inputs.weights),
    value: (Math.log1p(Math.exp(-1)) + 3 * Math.log1p(Math.exp(-1.5))) / 4,
    gradient: [-0.0672354, -0.1368191, 0.0672354, 0.1368191], // weight / 4 * sigmoid(-margin)
  },
  'hinge, margin 1.2': {
    loss: (ops, scores, inputs) => hinge(ops, scores, inputs.weights, 1.2),
    value: 0.2 / 4, // the second pair leads by more than the margin
    gradient: [-1 / 4, 0, 1 / 4, 0],
  },
};

const feeds = { teacher, weights };
const onScores =
  (loss: ScoreLoss) =>
  <T>(ops: Ops<T>, inputs: { readonly teacher: T; readonly weights: T }): T =>
    loss(ops, ops.parameter('scores'), inputs);

describe.each([
  ['compiled', compiled],
  ['eager', eager],
] as const)('%s', (_, run) => {
  test.each(Object.entries(cases))('%s by hand', (_, { loss, value, gradient }) => {
    const result = run(new Map([['scores', student]]), feeds, onScores(loss));
    expect(result.loss).toBeCloseTo(value, 5);
    const actual = result.gradients.get('scores')!.data;
    gradient.forEach((expected, i) => {
      expect(actual[i]).toBeCloseTo(expected, 5);
    });
  });

  test('crossEntropy by hand: -log(1/4) and -log(2/3)', () => {
    const logits = { data: Float32Array.of(0, Math.log(3), Math.log(2), 0), shape: [2, 2] };
    const targets: FeedValue = { data: Int32Array.of(0, 0), shape: [2] };
    const result = run(new Map([['logits', logits]]), { targets }, (ops, inputs) =>
      ops.crossEntropy(ops.parameter('logits'), inputs.targets),
    );
    expect(result.loss).toBeCloseTo((Math.log(4) + Math.log(1.5)) / 2, 5);
    const actual = result.gradients.get('logits')!.data;
    [-3 / 8, 3 / 8, -1 / 6, 1 / 6].forEach((expected, i) => {
      expect(actual[i]).toBeCloseTo(expected, 5);
    });
  });
});

test('a step down the gradient moves the student towards the teacher', () => {
  const { gradients } = compiled(new Map([['scores', student]]), feeds, onScores(cases.marginMse!.loss));
  const moved = student.data.map((score, i) => score - 0.1 * gradients.get('scores')!.data[i]!);
  const margin = (scores: Float32Array) => scores[0]! - scores[2]!;
  expect(margin(student.data)).toBeGreaterThan(0);
  expect(margin(moved)).toBeLessThan(margin(student.data));
});

test('RankNet does not overflow where one leads by far', () => {
  const scores = vector(500, -500, -500, 500);
  const { loss, gradients } = compiled(new Map([['scores', scores]]), feeds, onScores(cases.rankNet!.loss));
  expect(loss).toBeCloseTo((3 * 1000) / 4, 3);
  expect([...gradients.get('scores')!.data]).toEqual([-0, -0.75, 0, 0.75]);
});

test.each(Object.entries(cases))('%s: gradients are finite differences', (_, { loss }) => {
  const f = compile(new Map([['scores', student]]), feeds, onScores(loss));
  const at = (data: Float32Array) => f.run(new Map([['scores', { data, shape: [4] }]]));
  const score = fc.double({ min: -3, max: 3, noNaN: true });
  try {
    fc.assert(
      fc.property(fc.tuple(score, score, score, score), fc.nat(3), (scores, i) => {
        const [a, b, c, d] = scores;
        // The hinge has no gradient where a pair leads by the margin exactly.
        fc.pre(Math.abs(a - c - 1.2) > 0.05 && Math.abs(b - d - 1.2) > 0.05);
        const here = Float32Array.from(scores);
        const h = 1e-2;
        const [after, before] = [1, -1].map(
          (side) => at(here.map((x, j) => (j === i ? x + side * h : x))).loss,
        );
        const gradient = at(here).gradients.get('scores')!.data[i]!;
        expect((after! - before!) / (2 * h)).toBeCloseTo(gradient, 2);
      }),
      { numRuns: 20, seed: 1 },
    );
  } finally {
    f.dispose();
  }
});
