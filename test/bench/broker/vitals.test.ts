// Slopes by least squares, by hand; what a process holds is a number while it lives, and NaN afterwards.
import { expect, it } from 'vitest';
import { openFiles, residentMiB, slope } from '../../../bench/broker/vitals.ts';

it('fits a line', () => {
  expect(
    slope([
      [0, 1],
      [10, 21],
      [20, 41],
    ]),
  ).toBeCloseTo(2, 12);
  expect(
    slope([
      [0, 0],
      [1, 2],
      [2, 1],
    ]),
  ).toBeCloseTo(0.5, 12); // (-1)(-1) + 0 + (1)(0), over 2.
  expect(slope([[3, 4]])).toBeNaN();
});

it.skipIf(process.platform !== 'linux')('looks at a process', () => {
  expect(residentMiB(process.pid)).toBeGreaterThan(10);
  expect(openFiles(process.pid)).toBeGreaterThan(2);
  const nobody = 2 ** 30;
  expect([residentMiB(nobody), openFiles(nobody)]).toEqual([Number.NaN, Number.NaN]);
});
