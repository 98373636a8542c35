// Invariants:
// - an id has one spelling, and orders by number, not by text
// - only exact names are generations; hidden ones never are
// - a number that was once given out is not given out again
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  damagedName,
  generationId,
  generationNumber,
  generationsIn,
  nextGenerationId,
  parseGenerationId,
  placeOf,
  removingName,
  stagingName,
} from '../../src/checkpoint/generation.ts';

const number = fc.integer({ min: 1, max: 10_000_000 });

describe('ids', () => {
  it('are spelt in one way', () => {
    expect(generationId(1)).toBe('g000001');
    expect(generationId(999_999)).toBe('g999999');
    expect(generationId(1_000_000)).toBe('g1000000');
    fc.assert(
      fc.property(number, (n) => {
        const id = generationId(n);
        expect(parseGenerationId(id)).toBe(id);
        expect(generationNumber(id)).toBe(n);
      }),
    );
  });

  it.each(['', 'g', 'g1', 'g000000', 'g0000001', 'G000001', 'g00001x', ' g000001', 'g000001\n', '000001'])(
    'does not read %j',
    (text) => {
      expect(parseGenerationId(text)).toBeNull();
    },
  );

  it.each([0, -1, 1.5, Number.NaN])('refuses the number %d', (n) => {
    expect(() => generationId(n)).toThrow(/counts from 1/);
  });
});

describe('names in the store', () => {
  const id = generationId(7);

  it('say what stands there', () => {
    expect(placeOf('g000007')).toEqual({ kind: 'generation', id });
    expect(placeOf(stagingName(id))).toEqual({ kind: 'staging', id });
    expect(placeOf(removingName(id))).toEqual({ kind: 'removing', id });
    expect(placeOf(damagedName(id, new Set()))).toEqual({ kind: 'damaged', id });
    expect(placeOf(damagedName(id, new Set(['.damaged-g000007'])))).toEqual({ kind: 'damaged', id });
    for (const name of [
      'current.json',
      'pinned',
      'g7',
      'g000007.2',
      'g000007.bak',
      '.other-g000007',
      'xg000007',
    ])
      expect(placeOf(name)).toEqual({ kind: 'other' });
  });

  it('give damaged ones a name of their own', () => {
    const first = damagedName(id, new Set());
    const second = damagedName(id, new Set([first]));
    const third = damagedName(id, new Set([first, second]));
    expect([first, second, third]).toEqual(['.damaged-g000007', '.damaged-g000007.2', '.damaged-g000007.3']);
  });

  it('order by number beyond six digits', () => {
    expect(generationsIn(['g1000000', 'g999999', 'pinned', '.staging-g1000001', 'g000002'])).toEqual([
      'g000002',
      'g999999',
      'g1000000',
    ]);
  });
});

describe('the next id', () => {
  it('starts at 1 and is above everything that was ever a generation', () => {
    expect(nextGenerationId([], null)).toBe('g000001');
    expect(nextGenerationId(['g000002', 'g000001', 'current.json'], null)).toBe('g000003');
    expect(nextGenerationId(['g000002', '.damaged-g000005.2'], null)).toBe('g000006');
    expect(nextGenerationId(['g000002', '.removing-g000004'], null)).toBe('g000005');
    expect(nextGenerationId(['g000002'], generationId(9))).toBe('g000010');
  });

  it('does not count what was only staged', () => {
    expect(nextGenerationId(['g000002', '.staging-g000003'], null)).toBe('g000003');
  });
});
