// What tells two generations apart: facts only where they differ, figures that either has, null where one
// was not measured; a generation beside itself differs in nothing.
import { describe, expect, it } from 'vitest';
import { differenceOf } from '../../src/console/difference.ts';
import { manifestOf } from '../support/console.ts';

describe('the difference of two generations', () => {
  it('has what differs, in the words of the command line', () => {
    const { from, to, facts } = differenceOf(
      manifestOf(1),
      manifestOf(2, { gate: { decision: 'HOLD', reason: 'unsure', figures: {} } }),
    );
    expect({ from, to }).toEqual({ from: 'g000001', to: 'g000002' });
    expect(facts).toEqual([
      { name: 'gate', from: 'PROMOTE better', to: 'HOLD unsure' },
      { name: 'groups learnt', from: '1000', to: '2000' },
      { name: 'teacher version', from: '1', to: '2' },
      { name: 'next of clicks/0', from: '1200', to: '2400' },
      { name: 'student sha256', from: '1'.repeat(64), to: '2'.repeat(64) },
    ]);
  });

  it('has the figures of both, and says where one was not measured', () => {
    const { figures } = differenceOf(
      manifestOf(1, { metrics: { a: 1, b: 2 } }),
      manifestOf(2, { metrics: { b: 3, c: 4 } }),
    );
    expect(figures).toEqual([
      { name: 'a', from: 1, to: null },
      { name: 'b', from: 2, to: 3 },
      { name: 'c', from: null, to: 4 },
    ]);
  });

  it('shows a partition that only one of them knows', () => {
    const { lineage } = manifestOf(1);
    const wider = { ...lineage, offsets: { ...lineage.offsets, 'clicks/1': 7 } };
    const { facts } = differenceOf(manifestOf(1), manifestOf(1, { lineage: wider }));
    expect(facts).toEqual([{ name: 'next of clicks/1', from: 'none', to: '7' }]);
  });
});
