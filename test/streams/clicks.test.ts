// Satisfied clicks, pairs, preferences and their weights, by hand.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GroupResult } from '../../src/contract.ts';
import { isSatisfied, pairsOf, preferencesOf } from '../../src/streams/clicks.ts';
import { tinyConfig } from '../support/stream-events.ts';

const config = tinyConfig();
const propensities = [1, 0.5, 0.25, 0.125, 0.05];

/** One letter a result: S satisfied click, c click without satisfaction, . none. */
const page = (marks: string): GroupResult[] =>
  [...marks].map((mark, index) => ({
    documentId: `d${index}`,
    title: '',
    summary: '',
    position: index + 1,
    propensity: propensities[index] ?? 0.01,
    clicked: mark !== '.',
    satisfied: mark === 'S',
  }));
const shown = (marks: string, overrides = {}) =>
  preferencesOf(page(marks), tinyConfig({ clicks: overrides })).map(
    (p) => `${p.better}>${p.worse} x${p.weight}`,
  );

test('a dwell of ten seconds satisfies, a shorter one does not, an unknown one does', () => {
  expect([10_000, 9_999, 0, null].map((dwellMs) => isSatisfied(dwellMs, config))).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('pairs are the satisfied clicks', () => {
  expect(pairsOf(page('.SccS'))).toEqual([1, 4]);
  expect(pairsOf(page('.c.'))).toEqual([]);
});

describe('preferences', () => {
  test('skip-above and skip-next: better than the unclicked ones above and the one just below', () => {
    // Position 3 has propensity 1/4, so every term weighs 4. Closest first.
    expect(shown('..S..')).toEqual(['2>1 x4', '2>3 x4', '2>0 x4']);
  });

  test('a clicked result is never the worse one, satisfied or not', () => {
    expect(shown('cS.')).toEqual(['1>2 x2']);
    expect(shown('.cS')).toEqual(['2>0 x4']);
  });

  test('a click without satisfaction makes no preference', () => {
    expect(shown('..c..')).toEqual([]);
  });

  test('two wanted results: each against the unclicked', () => {
    expect(shown('S..S')).toEqual(['0>1 x1', '3>2 x8', '3>1 x8']);
  });

  test('the first result has none above, the last none below', () => {
    expect(shown('S')).toEqual([]);
    expect(shown('S.')).toEqual(['0>1 x1']);
    expect(shown('.S')).toEqual(['1>0 x2']);
  });

  test('each rule can be switched off', () => {
    expect(shown('.S.', { skip_above: false })).toEqual(['1>2 x2']);
    expect(shown('.S.', { skip_next: false })).toEqual(['1>0 x2']);
    expect(shown('.S.', { skip_above: false, skip_next: false })).toEqual([]);
  });

  test('weights are clipped', () => {
    // 1 / 0.05 = 20, clipped to 10
    expect(shown('....S')[0]).toBe('4>3 x10');
  });
});

test('any page: better is satisfied, worse unclicked and above or next, weights in [1, max]', () => {
  const marks = fc.array(fc.constantFrom('S', 'c', '.'), { maxLength: 12 }).map((list) => list.join(''));
  fc.assert(
    fc.property(marks, (text) => {
      const results = page(text);
      const preferences = preferencesOf(results, config);
      for (const { better, worse, weight } of preferences) {
        expect(results[better]!.satisfied).toBe(true);
        expect(results[worse]!.clicked).toBe(false);
        expect(worse < better || worse === better + 1).toBe(true);
        expect(weight).toBeGreaterThanOrEqual(1);
        expect(weight).toBeLessThanOrEqual(10);
      }
      expect(new Set(preferences.map((p) => `${p.better}>${p.worse}`)).size).toBe(preferences.length);
      const distances = preferences.map((p) => Math.abs(p.better - p.worse));
      expect(distances).toEqual([...distances].sort((a, b) => a - b));
    }),
  );
});
