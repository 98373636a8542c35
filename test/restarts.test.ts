// Only deaths within the window count; back-off doubles up to its bound; an error that a new process would
// meet too, or that the one before has met at the same place, is never tried again; the
// number of restarts in any window is at most restarts_max.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorTable, RestillError } from '../src/errors.ts';
import { decideRestart, isRepeated, type RestartPolicy } from '../src/restarts.ts';

const policy: RestartPolicy = { restartsMax: 3, restartsWindow: 1000, backoffMin: 10, backoffMax: 35 };
const died = new RestillError('TRAINER_DIED', 'killed');
const decide = (deathsMs: number[], nowMs: number, error: unknown = died) =>
  decideRestart(deathsMs, { nowMs, error, repeated: false }, policy);

describe('a trainer that died', () => {
  it('is started again, later each time, up to backoff_max', () => {
    expect(decide([], 5)).toEqual({ kind: 'restart', delayMs: 10, deathsMs: [5] });
    expect(decide([5], 30)).toEqual({ kind: 'restart', delayMs: 20, deathsMs: [5, 30] });
    expect(decide([5, 30], 60)).toEqual({ kind: 'restart', delayMs: 35, deathsMs: [5, 30, 60] });
  });

  it('is given up at one death more than restarts_max within the window, which slides', () => {
    expect(decide([5, 30, 60], 100)).toEqual({ kind: 'give-up', reason: 'too-often' });
    expect(decide([5, 30, 60], 1004)).toEqual({ kind: 'give-up', reason: 'too-often' });
    expect(decide([5, 30, 60], 1005)).toEqual({ kind: 'restart', delayMs: 35, deathsMs: [30, 60, 1005] });
  });

  it('is started again after a crash or a loss that was not finite, and after nothing else', () => {
    const codes = Object.keys(errorTable) as ErrorCode[];
    const tried = codes.filter((code) => decide([], 0, new RestillError(code, '')).kind === 'restart');
    expect(tried).toContain('TRAINER_DIED');
    expect(tried).toContain('NON_FINITE');
    for (const code of tried) expect(['retry', 'rollback']).toContain(errorTable[code].disposition);
    expect(decide([], 0, new RestillError('BUG', ''))).toEqual({ kind: 'give-up', reason: 'hopeless' });
    expect(decide([], 0, new TypeError('x'))).toEqual({ kind: 'give-up', reason: 'hopeless' });
  });

  it('is not started again for what its predecessor met at the same place', () => {
    const repeated = { nowMs: 0, error: new RestillError('NON_FINITE', 'distill'), repeated: true };
    expect(decideRestart([], repeated, policy)).toEqual({ kind: 'give-up', reason: 'repeated' });
  });

  it('is never started again with restarts_max 0', () => {
    const none = { ...policy, restartsMax: 0 };
    expect(decideRestart([], { nowMs: 0, error: died, repeated: false }, none)).toEqual({
      kind: 'give-up',
      reason: 'too-often',
    });
  });

  it('is restarted at most restarts_max times in any window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 700 }), { maxLength: 40 }), (pauses) => {
        let nowMs = 0;
        let deathsMs: readonly number[] = [];
        const restarts: number[] = [];
        for (const pause of pauses) {
          nowMs += pause;
          const decision = decideRestart(deathsMs, { nowMs, error: died, repeated: false }, policy);
          if (decision.kind === 'give-up') break;
          deathsMs = decision.deathsMs;
          restarts.push(nowMs);
          const inWindow = restarts.filter((ms) => nowMs - ms < policy.restartsWindow);
          expect(inWindow.length).toBeLessThanOrEqual(policy.restartsMax);
          nowMs += decision.delayMs;
        }
      }),
    );
  });
});

describe('a failure is the one before', () => {
  const nonFinite = { error: new RestillError('NON_FINITE', 'distill: not finite'), cursor: 300 };
  it('with the same code and message at the same group', () => {
    const again = { error: new RestillError('NON_FINITE', 'distill: not finite'), cursor: 300 };
    expect(isRepeated(again, nonFinite)).toBe(true);
  });

  it.each([
    ['none before', nonFinite, null],
    ['another group', { ...nonFinite, cursor: 301 }, nonFinite],
    ['no group', { ...nonFinite, cursor: null }, { ...nonFinite, cursor: null }],
    ['another turn', { ...nonFinite, error: new RestillError('NON_FINITE', 'finetune') }, nonFinite],
    ['another code', { ...nonFinite, error: new RestillError('GENERATION_DAMAGED', 'x') }, nonFinite],
    ['a crash, which comes from outside', { error: died, cursor: 3 }, { error: died, cursor: 3 }],
    ['what is not ours', { error: new Error('x'), cursor: 3 }, { error: new Error('x'), cursor: 3 }],
  ])('and not with %s', (_, death, before) => {
    expect(isRepeated(death, before)).toBe(false);
  });
});
