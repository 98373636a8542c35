// Pausing by hysteresis: at its share of the bound a partition is paused, at half of it resumed, nothing
// between; no partition is told twice.
import { expect, test } from 'vitest';
import { pressure } from '../../src/streams/pressure.ts';

const waiting = (...bytes: number[]) => bytes.map((b, partition) => ({ topic: 't', partition, bytes: b }));
const numbers = (...given: Parameters<typeof pressure>) => {
  const { pause, resume } = pressure(...given);
  return { pause: pause.map(({ partition }) => partition), resume: resume.map(({ partition }) => partition) };
};

test('at the share of each partition', () => {
  expect(numbers(waiting(99, 100), new Set<string>(), 200)).toEqual({ pause: [1], resume: [] });
  expect(numbers(waiting(100, 100), new Set(['t/1']), 200)).toEqual({ pause: [0], resume: [] });
});

test('resumed at half of it', () => {
  expect(numbers(waiting(51, 50), new Set(['t/0', 't/1']), 200)).toEqual({ pause: [], resume: [1] });
  expect(numbers(waiting(50, 75), new Set<string>(), 200)).toEqual({ pause: [], resume: [] });
});

test('without partitions there is nothing to do', () => {
  expect(numbers([], new Set(['t/3']), 200)).toEqual({ pause: [], resume: [] });
});
