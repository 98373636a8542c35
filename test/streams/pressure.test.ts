// Pausing by hysteresis: at its share of the bound a partition is paused, at half of it resumed, nothing
// between; no partition is told twice.
import { expect, test } from 'vitest';
import { pressure } from '../../src/streams/pressure.ts';

const waiting = (...bytes: number[]) => bytes.map((b, partition) => ({ partition, bytes: b }));

test('at the share of each partition', () => {
  expect(pressure(waiting(99, 100), new Set(), 200)).toEqual({ pause: [1], resume: [] });
  expect(pressure(waiting(100, 100), new Set([1]), 200)).toEqual({ pause: [0], resume: [] });
});

test('resumed at half of it', () => {
  expect(pressure(waiting(51, 50), new Set([0, 1]), 200)).toEqual({ pause: [], resume: [1] });
  expect(pressure(waiting(50, 75), new Set(), 200)).toEqual({ pause: [], resume: [] });
});

test('without partitions there is nothing to do', () => {
  expect(pressure([], new Set([3]), 200)).toEqual({ pause: [], resume: [] });
});
