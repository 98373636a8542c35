// Invariants:
// - the verdict table of gate.ts, row by row; what surely fell is never promoted, a flipped sign fails here
// - any set may show a fall; only the first that is large enough shows that there is none
// - without proof `gate.unproven` decides; without a live one it promotes as the first
// - figures are finite, since they are stored, and name what the verdict was reached against
// - the same question gives the same verdict
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Incumbent, judgeCandidate, judgedAgainst } from '../../src/checkpoint/gate.ts';
import { generationId } from '../../src/checkpoint/generation.ts';
import { parseConfig } from '../../src/config.ts';
import type { Comparison, Interval, PairedQuery, Trial } from '../../src/evidence.ts';

const { gate } = parseConfig({ gate: { drop_max: 0.02, queries_min: 10, cooldown: 1000 } });

const around = (mean: number, half: number): Interval => ({ mean, low: mean - half, high: mean + half });
const ordering = { ndcg10: 0.5, concordant: 1, discordant: 1 };
const query: PairedQuery = { query: 'q', labels: 'l', weight: 1, candidate: ordering, live: ordering };

interface Compared {
  readonly on?: Comparison['on'];
  readonly queries?: number;
  readonly ndcg10?: Interval;
  readonly lnPnr?: Interval;
}
const comparison = (o: Compared = {}): Comparison => ({
  on: o.on ?? 'judgments',
  queries: Array.from({ length: o.queries ?? 40 }, () => query),
  ndcg10: o.ndcg10 ?? around(0, 0.01),
  lnPnr: o.lnPnr ?? around(0, 0.1),
});
const trial = (o: Partial<Trial> = {}): Trial => ({
  cursor: 5000,
  metrics: { 'holdout.ndcg10': 0.7 },
  nonFinite: 0,
  queries: 40,
  spread: 0.5,
  agreement: 0.4,
  comparisons: [comparison()],
  ...o,
});
const incumbent: Incumbent = { id: generationId(4), usable: true, pinned: false, movedAt: 2000 };
const judge = (o: Partial<Trial>, live: Incumbent | null = incumbent, change: object = {}) => {
  const { decision, reason } = judgeCandidate(trial(o), live, { ...gate, ...change });
  return `${decision} ${reason}`;
};
const compared = (...comparisons: Compared[]) => ({ comparisons: comparisons.map(comparison) });

describe('quality', () => {
  it.each<[string, Interval, string]>([
    ['surely better', around(0.03, 0.02), 'PROMOTE better'],
    ['surely better by a little', around(0.0101, 0.01), 'PROMOTE better'],
    ['the same', around(0, 0), 'PROMOTE no-worse'],
    ['not surely better', around(0.01, 0.01), 'PROMOTE no-worse'],
    ['lower, but by no more than allowed', around(-0.005, 0.01), 'PROMOTE no-worse'],
    ['lower by just what is allowed', { mean: -0.01, low: -0.02, high: 0.001 }, 'PROMOTE no-worse'],
    ['perhaps lower by more', around(0, 0.0201), 'HOLD unsure'],
    ['perhaps much better, perhaps much worse', around(0.1, 0.2), 'HOLD unsure'],
    ['surely worse, though by less than allowed', around(-0.005, 0.004), 'REJECT quality-fell'],
    ['surely worse by more', around(-0.1, 0.05), 'REJECT quality-fell'],
  ])('%s', (_, ndcg10, verdict) => {
    expect(judge(compared({ ndcg10 }))).toBe(verdict);
  });

  it('of a set that fell rejects, whichever set it is', () => {
    const fell = around(-0.05, 0.02);
    const better = { ndcg10: around(0.05, 0.02) };
    expect(judge(compared(better, { on: 'clicks', ndcg10: fell }))).toBe('REJECT quality-fell');
    expect(judge(compared(better, { on: 'anchor', ndcg10: fell }))).toBe('REJECT forgot');
    expect(judge(compared(better, { on: 'clicks', lnPnr: fell }))).toBe('REJECT pnr-fell');
    expect(judge(compared({ ...better, lnPnr: fell }))).toBe('REJECT pnr-fell');
  });

  it('of the others need not be sure', () => {
    const wide = { ndcg10: around(0, 0.5), lnPnr: around(0, 3) };
    expect(judge(compared({}, { on: 'clicks', ...wide }, { on: 'anchor', ...wide }))).toBe(
      'PROMOTE no-worse',
    );
  });

  it('of a set that is too small counts for nothing: the next one decides', () => {
    const small = { queries: 9, ndcg10: around(-0.5, 0.1) };
    expect(judge(compared(small, { on: 'clicks', ndcg10: around(0.05, 0.01) }))).toBe('PROMOTE better');
    expect(judge(compared(small, { on: 'clicks', ndcg10: around(0, 0.3) }))).toBe('HOLD unsure');
    expect(judge(compared({ ...small, queries: 10 }))).toBe('REJECT quality-fell');
  });

  it('that cannot be proven is what gate.unproven says', () => {
    const small = compared({ queries: 9, ndcg10: around(-0.5, 0.1) });
    expect(judge(small)).toBe('PROMOTE unproven');
    expect(judge(small, incumbent, { unproven: 'hold' })).toBe('HOLD unproven');
    expect(judge(compared())).toBe('PROMOTE unproven');
  });
});

describe('sanity', () => {
  it.each<[string, Partial<Trial>, string]>([
    ['a score that is no number', { nonFinite: 1 }, 'REJECT non-finite'],
    ['a metric that is none', { metrics: { 'distill.loss': Number.NaN } }, 'REJECT non-finite'],
    ['the same score for all', { spread: 0 }, 'REJECT flat'],
    ['an order that is the opposite of the teacher', { agreement: -0.1 }, 'REJECT disagrees'],
  ])('%s rejects, whatever else holds', (_, o, verdict) => {
    const better = compared({ ndcg10: around(0.1, 0.01) });
    for (const live of [incumbent, null, { ...incumbent, usable: false }])
      expect(judge({ ...better, ...o }, live)).toBe(verdict);
  });

  it('is not asked of what nothing was measured on', () => {
    expect(judge({ spread: null, agreement: null, queries: 0 })).toBe('PROMOTE no-worse');
    expect(judge({ agreement: -0.1, queries: 9 })).toBe('PROMOTE no-worse');
  });
});

describe('what is live', () => {
  it('nothing: the first goes live; damaged: it is replaced', () => {
    expect(judge(compared(), null)).toBe('PROMOTE first');
    expect(judge(compared(), { ...incumbent, usable: false, pinned: true })).toBe('PROMOTE live-unusable');
  });

  it('pinned by an operator stays', () => {
    const pinned = { ...incumbent, pinned: true };
    expect(judge(compared({ ndcg10: around(0.1, 0.01) }), pinned)).toBe('HOLD pinned');
    expect(judge(compared(), pinned)).toBe('HOLD pinned');
    expect(judge(compared({ ndcg10: around(-0.1, 0.01) }), pinned)).toBe('REJECT quality-fell');
  });

  it('stays for gate.cooldown groups', () => {
    const better = compared({ ndcg10: around(0.1, 0.01) });
    expect(judge({ ...better, cursor: 2999 })).toBe('HOLD cooling');
    expect(judge({ ...better, cursor: 3000 })).toBe('PROMOTE better');
    expect(judge({ ...better, cursor: 2999 }, { ...incumbent, movedAt: null })).toBe('PROMOTE better');
    expect(judge({ ...better, cursor: 2000 }, incumbent, { cooldown: 0 })).toBe('PROMOTE better');
  });
});

describe('figures', () => {
  it('are those that the verdict rests on', () => {
    const verdict = judgeCandidate(trial(), incumbent, gate);
    expect(verdict.figures).toEqual({
      live: 4,
      nonFinite: 0,
      spread: 0.5,
      agreement: 0.4,
      movedAt: 2000,
      dropMax: 0.02,
      queriesMin: 10,
      confidence: 0.95,
      cooldown: 1000,
      'judgments.queries': 40,
      'judgments.ndcg10': 0,
      'judgments.ndcg10Low': -0.01,
      'judgments.ndcg10High': 0.01,
      'judgments.pnrRatio': 1,
      'judgments.pnrRatioLow': Math.exp(-0.1),
      'judgments.pnrRatioHigh': Math.exp(0.1),
    });
    expect(judgedAgainst(verdict)).toBe(4);
    expect(judgedAgainst(judgeCandidate(trial(), null, gate))).toBeNull();
  });

  it('are finite, and follow from the question; what surely fell is never promoted', () => {
    const interval = fc
      .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([mean, half]) => around(mean, half));
    fc.assert(
      fc.property(
        interval,
        interval,
        fc.double(),
        fc.integer({ min: 0, max: 30 }),
        (a, b, spread, queries) => {
          const asked = trial({ spread, comparisons: [comparison({ queries, ndcg10: a, lnPnr: b })] });
          const verdict = judgeCandidate(asked, incumbent, gate);
          expect(Object.values(verdict.figures).every(Number.isFinite)).toBe(true);
          expect(judgeCandidate(asked, incumbent, gate)).toEqual(verdict);
          if (queries >= 10 && (a.high < 0 || b.high < 0)) expect(verdict.decision).toBe('REJECT');
        },
      ),
    );
  });
});
