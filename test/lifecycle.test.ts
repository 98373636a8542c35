// Every state leads to an end; the first error wins; a stop never goes back to TRAINING; a trainer that was
// given up never comes back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DaemonSignal, type DaemonState, daemonStates, isOver, next } from '../src/lifecycle.ts';

const run = (...signals: DaemonSignal[]): DaemonState => signals.reduce(next, 'STARTING' as DaemonState);
const signals: DaemonSignal[] = ['ready', 'died', 'lost', 'stop', 'finished', 'fail'];

describe('the lifecycle', () => {
  it('goes STARTING > TRAINING > STOPPED', () => expect(run('ready', 'finished')).toBe('STOPPED'));
  it('drains on a stop, even before it was ready', () => {
    expect(run('ready', 'stop')).toBe('DRAINING');
    expect(run('stop', 'ready')).toBe('DRAINING');
    expect(run('stop', 'ready', 'finished')).toBe('STOPPED');
  });
  it('recovers from the death of a trainer, and is starting until there was one', () => {
    expect(run('ready', 'died')).toBe('RECOVERING');
    expect(run('ready', 'died', 'ready')).toBe('TRAINING');
    expect(run('died', 'ready')).toBe('TRAINING');
    expect(run('ready', 'stop', 'died')).toBe('DRAINING');
  });
  it('goes on without a trainer until it is stopped', () => {
    for (const before of [[], ['ready'], ['ready', 'died']] as DaemonSignal[][])
      expect(run(...before, 'lost')).toBe('DEGRADED');
    expect(run('lost', 'ready')).toBe('DEGRADED');
    expect(run('lost', 'stop', 'fail')).toBe('FAILED');
  });
  it('keeps the first end', () => {
    expect(run('ready', 'fail', 'finished')).toBe('FAILED');
    expect(run('ready', 'finished', 'fail')).toBe('STOPPED');
  });
  it('fails on an error in every state that is not over', () => {
    for (const state of daemonStates) expect(next(state, 'fail')).toBe(isOver(state) ? state : 'FAILED');
  });
  it('never trains again after a stop, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...signals)), fc.array(fc.constantFrom(...signals)), (a, b) => {
        const after = run(...a, 'stop', ...b);
        expect(['DRAINING', 'STOPPED', 'FAILED']).toContain(after);
      }),
    );
  });
});
