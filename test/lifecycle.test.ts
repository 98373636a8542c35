// Every state leads to an end; the first error wins; a stop never goes back to TRAINING.
import { describe, expect, it } from 'vitest';
import { type DaemonSignal, type DaemonState, isOver, next } from '../src/lifecycle.ts';

const run = (...signals: DaemonSignal[]): DaemonState => signals.reduce(next, 'STARTING' as DaemonState);

describe('the lifecycle', () => {
  it('goes STARTING > TRAINING > STOPPED', () => expect(run('ready', 'finished')).toBe('STOPPED'));
  it('drains on a stop, even before it was ready', () => {
    expect(run('ready', 'stop')).toBe('DRAINING');
    expect(run('stop', 'ready')).toBe('DRAINING');
    expect(run('stop', 'ready', 'finished')).toBe('STOPPED');
  });
  it('keeps the first end', () => {
    expect(run('ready', 'fail', 'finished')).toBe('FAILED');
    expect(run('ready', 'finished', 'fail')).toBe('STOPPED');
  });
  it('knows what is over', () => {
    expect(['STARTING', 'TRAINING', 'DRAINING', 'STOPPED', 'FAILED'].map((s) => isOver(s as never))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });
});
