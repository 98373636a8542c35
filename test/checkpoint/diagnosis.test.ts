// Invariants (the mistakes themselves: test/commands/verify.test.ts, with a server that makes them):
// - right scores have no fault, to the tolerance and not beyond it
// - a fault that these texts cannot show is said to be invisible, and never named
// - NaN is never right; all ones are a softmax; a small gap is told from a large one
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/checkpoint/diagnosis.ts';
import type { GoldenVector } from '../../src/checkpoint/golden.ts';

const vector = (logit: number, faults: Record<string, number>): GoldenVector => ({
  query: `q${logit}`,
  document: 'd',
  ids: [1],
  segments: [0],
  logit,
  faults,
});
const golden = [vector(1, { swapped: 3, 'cut-left': 1 }), vector(-2, { swapped: -2.5 }), vector(0.25, {})];
const raw = { scores: 'raw', tolerance: 1e-3, others: [] } as const;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('scores', () => {
  it.each([
    [[1, -2, 0.25], []],
    [[1.0009, -2, 0.25], []],
    [[3, -2.5, 0.25], ['swapped']],
    [[1, -2, 0.25].map(sigmoid), ['sigmoid']],
    [[3, -2.5, 0.25].map(sigmoid), ['swapped+sigmoid']],
    [[1.0015, -2, 0.25], ['unknown']],
    [[1, NaN, 0.25], ['unknown']],
    [[1, 1, 1], ['unknown']],
  ])('%j have the faults %j', (observed, faults) => {
    expect(diagnose(golden, observed, raw).faults).toEqual(faults);
  });

  it('that should have a sigmoid', () => {
    const wanted = { ...raw, scores: 'sigmoid' } as const;
    expect(diagnose(golden, [1, -2, 0.25].map(sigmoid), wanted).faults).toEqual([]);
    expect(diagnose(golden, [1, -2, 0.25], wanted).faults).toEqual(['no-sigmoid']);
    expect(diagnose(golden, [1, -2, 0.25].map(sigmoid).map(sigmoid), wanted).faults).toEqual([
      'sigmoid-twice',
    ]);
  });

  it('of another generation name it', () => {
    const others = [{ generation: 'g000001', golden: [{ ...golden[0]!, logit: 7 }, golden[1]!, golden[2]!] }];
    expect(diagnose(golden, [7, -2, 0.25], { ...raw, others })).toMatchObject({
      faults: ['wrong-version'],
      says: ['serves generation g000001'],
    });
  });
});

it('says what cannot be seen', () => {
  expect(diagnose(golden, [1, -2, 0.25], raw).invisible).toEqual(['cut-left']);
});

it.each([
  [[1.01, -2, 0.25], /another precision/],
  [[2, -2, 0.25], /other weights.*tokenizer/],
  [[1, 1, 1], /softmax/],
  [[1, NaN, 0.25], /NaN instead of -2 for the query "q-2"/],
])('says of %j what may be the matter', (observed, message) => {
  expect(diagnose(golden, observed, raw).says.join()).toMatch(message);
});
