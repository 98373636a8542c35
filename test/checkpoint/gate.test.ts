// Invariants:
// - quality on holdout queries may fall by gate.dropMax, not more; a rise never hurts
// - without proof it promotes and says so; without a live one it promotes as the first
// - a metric that is not a number rejects, whatever else holds
// - the verdict's figures are finite: they are stored
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeCandidate, type Metrics } from '../../src/checkpoint/gate.ts';

const gate = { dropMax: 0.01, queriesMin: 5 };
const measured = (ndcg10: number, queries = 40): Metrics => ({
  'holdout.ndcg10': ndcg10,
  'holdout.queries': queries,
});

describe('judgeCandidate', () => {
  it.each([
    ['better', 0.75, 0.7, 'PROMOTE', 'quality-held'],
    ['the same', 0.7, 0.7, 'PROMOTE', 'quality-held'],
    ['worse by less than the bound', 0.695, 0.7, 'PROMOTE', 'quality-held'],
    ['worse by just the bound', 0.69, 0.7, 'PROMOTE', 'quality-held'],
    ['worse by more', 0.6899, 0.7, 'REJECT', 'quality-fell'],
    ['much worse', 0.1, 0.7, 'REJECT', 'quality-fell'],
  ])('%s', (_, candidate, live, decision, reason) => {
    expect(judgeCandidate(measured(candidate), measured(live), gate)).toMatchObject({ decision, reason });
  });

  it('shows its figures', () => {
    const { figures } = judgeCandidate(measured(0.6, 30), measured(0.75, 40), gate);
    expect(figures).toEqual({
      candidateNdcg10: 0.6,
      candidateQueries: 30,
      liveNdcg10: 0.75,
      liveQueries: 40,
      drop: expect.closeTo(0.15, 12),
      dropMax: 0.01,
      queriesMin: 5,
    });
  });

  it('promotes the first', () => {
    expect(judgeCandidate(measured(0.1), null, gate)).toMatchObject({ decision: 'PROMOTE', reason: 'first' });
    expect(judgeCandidate({}, null, gate).figures).toEqual({ dropMax: 0.01, queriesMin: 5 });
  });

  it.each<[string, Metrics, Metrics]>([
    ['too few queries of the candidate', measured(0.1, 4), measured(0.9)],
    ['too few queries of the live one', measured(0.1), measured(0.9, 4)],
    ['no figures of the candidate', {}, measured(0.9)],
    ['no figures of the live one', measured(0.1), {}],
    ['queries counted but quality missing', { 'holdout.queries': 40 }, measured(0.9)],
  ])('promotes without proof: %s', (_, candidate, live) => {
    expect(judgeCandidate(candidate, live, gate)).toMatchObject({ decision: 'PROMOTE', reason: 'unproven' });
  });

  it('counts queries up to the bound as proof', () => {
    expect(judgeCandidate(measured(0.1, 5), measured(0.9, 5), gate).reason).toBe('quality-fell');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'rejects a metric of %d',
    (value) => {
      const candidate = { ...measured(0.9), 'loss.distill': value };
      for (const live of [null, measured(0.1), {}])
        expect(judgeCandidate(candidate, live, gate)).toMatchObject({
          decision: 'REJECT',
          reason: 'non-finite',
        });
    },
  );

  it('never rejects a rise, never stores a figure that is not finite', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(score, score, (a, b) => {
        const verdict = judgeCandidate(measured(Math.max(a, b)), measured(Math.min(a, b)), gate);
        expect(verdict.decision).toBe('PROMOTE');
      }),
    );
    fc.assert(
      fc.property(fc.double(), fc.double(), (quality, queries) => {
        const { figures } = judgeCandidate(measured(quality, queries), measured(0.5), gate);
        expect(Object.values(figures).every(Number.isFinite)).toBe(true);
      }),
    );
  });
});
