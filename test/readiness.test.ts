// Ready in TRAINING and RECOVERING and nowhere else; anything a part reports stands in the way until it takes
// it back; every obstacle has a named code.
import { describe, expect, it } from 'vitest';
import { RestillError } from '../src/errors.ts';
import { daemonStates } from '../src/lifecycle.ts';
import { Health } from '../src/readiness.ts';

const inState = (state: (typeof daemonStates)[number]): Health => {
  const health = new Health();
  health.enter(state);
  return health;
};

describe('readiness', () => {
  it('follows the state', () => {
    const ready = daemonStates.filter((state) => inState(state).readiness().ready);
    expect(ready).toEqual(['TRAINING', 'RECOVERING']);
    expect(new Health().readiness()).toMatchObject({ ready: false, obstacles: [{ code: 'STARTING' }] });
  });

  it('says what stands in the way, until it does no more', () => {
    const health = inState('TRAINING');
    health.report('source', new RestillError('OFFSET_GAP', '10 to 20 are gone'));
    expect(health.readiness()).toEqual({
      ready: false,
      state: 'TRAINING',
      obstacles: [{ code: 'OFFSET_GAP', message: '10 to 20 are gone' }],
    });
    health.report('other', null);
    expect(health.readiness().ready).toBe(false);
    health.report('source', null);
    expect(health.readiness()).toEqual({ ready: true, state: 'TRAINING', obstacles: [] });
  });

  it('takes what is no error of ours for a bug', () => {
    const health = inState('TRAINING');
    health.report('trainer', new TypeError('x is undefined'));
    health.report('source', 'odd');
    expect(health.readiness().obstacles).toEqual([
      { code: 'BUG', message: 'x is undefined' },
      { code: 'BUG', message: 'odd' },
    ]);
  });
});
