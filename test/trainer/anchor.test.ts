// The anchor: chosen by a seeded hash, filled up to its size, and what is in it stays as it was.
import { describe, expect, it } from 'vitest';
import { extendAnchor } from '../../src/trainer/anchor.ts';
import { groupOf } from '../support/groups.ts';

const held = (sequence: number, queryKey: string) =>
  groupOf(sequence, {
    queryKey,
    results: groupOf(sequence).results.map((result, i) => ({ ...result, satisfied: i === 1 })),
  });
const groups = Array.from({ length: 40 }, (_, i) => held(i, `k${i % 20}`));
const units = (anchor: ReturnType<typeof extendAnchor>) => anchor.map(({ unit }) => unit);

describe('the anchor', () => {
  it('takes each query once, as many as fit, whatever the order they come in', () => {
    const anchor = extendAnchor([], groups, { max: 5, seed: 1 });
    expect(new Set(units(anchor)).size).toBe(5);
    expect(units(extendAnchor([], [...groups].reverse(), { max: 5, seed: 1 }))).toEqual(units(anchor));
    expect(units(extendAnchor([], groups, { max: 5, seed: 2 }))).not.toEqual(units(anchor));
  });

  it('keeps what it has, to the byte, when newer clicks come', () => {
    const anchor = extendAnchor([], groups.slice(0, 3), { max: 5, seed: 1 });
    const later = extendAnchor(anchor, [held(90, 'k0'), ...groups], { max: 20, seed: 1 });
    expect(later.slice(0, 3)).toEqual(anchor);
    expect(new Set(units(later)).size).toBe(20);
    expect(extendAnchor(later, groups, { max: 20, seed: 1 })).toEqual(later);
    expect(extendAnchor(later, groups, { max: 2, seed: 1 })).toEqual(later);
  });

  it('passes over queries without a click that can be ranked', () => {
    expect(extendAnchor([], [groupOf(0, { queryKey: 'a', results: [] })], { max: 5, seed: 1 })).toEqual([]);
  });
});
