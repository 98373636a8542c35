// Curves: one for each place and measure that was measured, points in their order, a hole where a point
// lacks a ranker, none where nothing is known. Numbers keep six digits. A generation that has learnt nothing
// has no event time, not 1970.
import { describe, expect, it } from 'vitest';
import { historyOf } from '../../src/console/history.ts';
import { historySchema } from '../../src/console/view.ts';
import { manifestOf } from '../support/console.ts';

const none = { live: null, before: null, manifests: [], curve: [] };

describe('learning curves', () => {
  it('are made of the points that were measured there', () => {
    const { curves } = historyOf({
      ...none,
      curve: [
        { cursor: 0, steps: 0, figures: { 'judgments.student.ndcg10': 0.4, 'judgments.queries': 9 } },
        { cursor: 10, steps: 5, figures: { 'distill.loss': 0.3 } },
        {
          cursor: 20,
          steps: 9,
          figures: {
            'judgments.student.ndcg10': 0.512345678,
            'judgments.bm25.ndcg10': 0.5,
            'clicks.student.mrr': 0.25,
          },
        },
      ],
    });
    expect(curves).toEqual([
      {
        on: 'judgments',
        measure: 'ndcg10',
        cursors: [0, 20],
        lines: [
          { ranker: 'student', values: [0.4, 0.512346] },
          { ranker: 'bm25', values: [null, 0.5] },
        ],
      },
      { on: 'clicks', measure: 'mrr', cursors: [20], lines: [{ ranker: 'student', values: [0.25] }] },
    ]);
  });

  it('are none where nothing was measured', () => {
    expect(historyOf(none).curves).toEqual([]);
  });
});

describe('generations', () => {
  it('are shown with their size and times, as the API promises', () => {
    const history = historyOf({ ...none, manifests: [manifestOf(1)] });
    expect(historySchema.parse(history)).toEqual(history);
    expect(history.generations[0]).toMatchObject({
      id: 'g000001',
      bytes: 1_000_000,
      createdAt: 1_767_229_200_000,
      lineage: { eventFrom: 1_767_000_000_000 },
    });
  });

  it('that have learnt nothing have no event time', () => {
    const lineage = { ...manifestOf(1).lineage, eventTimeMs: { from: 0, to: 0 } };
    const [one] = historyOf({ ...none, manifests: [manifestOf(1, { lineage })] }).generations;
    expect(one!.lineage).toMatchObject({ eventFrom: null, eventTo: null });
  });
});
