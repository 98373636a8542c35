// The breaker's states by hand, and that a back-off grows, is jittered and stays below its bound.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { admit, type Breaker, backoffMs, closed, failed } from '../../src/trainer/breaker.ts';

const settings = { breakerFailures: 3, breakerPause: 1000, backoffMin: 100, backoffMax: 700 };
const afterFailures = (count: number, nowMs = 0): Breaker =>
  Array.from({ length: count }).reduce<Breaker>((breaker) => failed(breaker, nowMs, settings), closed);

describe('the breaker', () => {
  test('lets through while failures are few', () => {
    expect(admit(closed, 0, settings).waitMs).toBe(0);
    expect(admit(afterFailures(2, 50), 50, settings).waitMs).toBe(0);
  });

  test('is open for the pause after as many in a row', () => {
    const open = afterFailures(3, 50);
    expect(admit(open, 50, settings).waitMs).toBe(1000);
    expect(admit(open, 1049, settings).waitMs).toBe(1);
  });

  test('then lets one trial through, and the next one waits for what becomes of it', () => {
    const { breaker, waitMs } = admit(afterFailures(3, 50), 1050, settings);
    expect(waitMs).toBe(0);
    expect(admit(breaker, 1050, settings).waitMs).toBe(1000);
  });

  test('is open again after a trial that failed', () => {
    const { breaker } = admit(afterFailures(3), 1000, settings);
    expect(admit(failed(breaker, 1500, settings), 1500, settings).waitMs).toBe(1000);
  });
});

test('a back-off doubles to its bound, at least half of it certain', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.nat(), (retry, seed) => {
      const whole = Math.min(700, 100 * 2 ** retry);
      const ms = backoffMs(retry, settings, randomFor(seed));
      expect(ms).toBeGreaterThanOrEqual(whole / 2);
      expect(ms).toBeLessThan(whole);
    }),
  );
  const random = randomFor(1);
  expect(new Set([1, 2, 3].map(() => backoffMs(0, settings, random))).size).toBe(3);
});
