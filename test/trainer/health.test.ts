// One refused step is skipped and counted, three in a row end the run, and the count survives a restart
// (promise 3).
import { describe, expect, it } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { attempt } from '../../src/trainer/health.ts';
import { decodeState, encodeState, freshState } from '../../src/trainer/state.ts';

const refuse = (): never => {
  throw new RestillError('NON_FINITE', 'loss is NaN');
};

describe('a refused step', () => {
  it('is skipped and counted; a good one in between starts the row anew', () => {
    const state = freshState();
    expect(attempt(state, 'step', refuse)).toBeNull();
    expect(attempt(state, 'step', refuse)).toBeNull();
    expect(attempt(state, 'step', () => 7)).toBe(7);
    expect(attempt(state, 'step', refuse)).toBeNull();
    expect(state).toMatchObject({ stepsRefused: 3, sums: { refusedInARow: 1 } });
  });

  it('ends the run when it is the third in a row, also after a restart in between', () => {
    const before = freshState();
    attempt(before, 'step', refuse);
    attempt(before, 'step', refuse);
    const after = decodeState(encodeState(before));
    expect(() => attempt(after, 'distill step 9', refuse)).toThrow(/distill step 9: 3 steps in a row/);
  });

  it('is told from every other error', () => {
    const state = freshState();
    const broken = (): never => {
      throw new RestillError('BACKEND_FAILED', 'no memory');
    };
    expect(() => attempt(state, 'step', broken)).toThrow('no memory');
    expect(state.stepsRefused).toBe(0);
  });
});
