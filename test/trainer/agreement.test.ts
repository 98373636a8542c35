// Kendall's tau-b by hand: its ends, its ties, its independence of scale. The spread is that within a query.
import { describe, expect, it } from 'vitest';
import { agreement, kendall, spread } from '../../src/trainer/agreement.ts';

describe('kendall', () => {
  it.each([
    ['the same order', [1, 2, 3, 4], [10, 20, 30, 40], 1],
    ['the opposite order', [1, 2, 3, 4], [4, 3, 2, 1], -1],
    ['one exchange of neighbours', [1, 2, 3, 4], [1, 3, 2, 4], 4 / 6],
    // Pairs: (1,2) tied in a, 2 of 3 left there, 3 in b; concordant 2.
    ['a tie in one', [1, 1, 2], [1, 2, 3], 2 / Math.sqrt(2 * 3)],
  ])('%s', (_, a, b, tau) => {
    expect(kendall(a, b)).toBeCloseTo(tau, 12);
    expect(kendall(b, a)).toBeCloseTo(tau, 12);
  });

  it('has no value where one gives every document the same score', () => {
    expect(kendall([1, 1], [1, 2])).toBeNull();
    expect(kendall([], [])).toBeNull();
  });

  it('is averaged over the queries where it has one', () => {
    expect(
      agreement(
        [
          [1, 2],
          [1, 1],
          [2, 1],
        ],
        [
          [1, 2],
          [1, 2],
          [1, 2],
        ],
      ),
    ).toBe(0);
    expect(agreement([[1, 1]], [[1, 2]])).toBeNull();
  });
});

describe('spread', () => {
  it('is the mean deviation within a query: a shift between queries is none', () => {
    expect(
      spread([
        [1, 3],
        [100, 104],
      ]),
    ).toBe(1.5);
    expect(
      spread([
        [5, 5],
        [9, 9, 9],
      ]),
    ).toBe(0);
  });

  it('needs two documents', () => {
    expect(spread([[7]])).toBeNull();
    expect(spread([])).toBeNull();
  });
});
