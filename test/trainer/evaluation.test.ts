// Promise 7: only holdout queries are measured. Promise 2: which ones is a function of the cursor. A click is
// a ranking of its own, weighed by 1 / propensity; what has no relevant or no other document is left out.
import { describe, expect, it } from 'vitest';
import { clickSet, holdoutGroups, judgedSet } from '../../src/trainer/evaluation.ts';
import { groupOf, journalOf } from '../support/groups.ts';

describe('judged queries', () => {
  const judged = (query: string, ...grades: number[]) => ({
    queryId: query,
    query,
    documents: grades.map((_, i) => ({ documentId: `d${i}`, title: '', summary: '' })),
    grades,
  });

  it('are those held out that have a relevant document', () => {
    const set = judgedSet([judged('held', 0, 2), judged('trained', 1), judged('held too', 0)], (query) =>
      query.startsWith('held'),
    );
    expect(set.on).toBe('judgments');
    expect(set.queries.map(({ query, grades, shown, weight }) => [query, grades, shown, weight])).toEqual([
      ['held', [0, 2], null, 1],
    ]);
  });
});

describe('clicks', () => {
  const clicked = (...satisfied: number[]) =>
    groupOf(0, {
      results: groupOf(0).results.map((result, i) => ({ ...result, satisfied: satisfied.includes(i) })),
    });

  it('make one ranking each, without the other clicks of the page, weighed by 1 / propensity', () => {
    const { queries } = clickSet([clicked(0, 2)]);
    expect(queries.map(({ grades, shown, weight }) => ({ grades, shown, weight }))).toEqual([
      { grades: [1, 0, 0], shown: [-1, -2, -4], weight: 1 },
      { grades: [0, 1, 0], shown: [-2, -3, -4], weight: 3 },
    ]);
    expect(queries[1]!.documents.map(({ title }) => title)).toEqual(['title 1', 'title 2', 'title 3']);
  });

  it('without satisfaction, or on a page of one result, say nothing', () => {
    expect(clickSet([clicked()]).queries).toEqual([]);
    expect(clickSet([groupOf(0, {}, 1)]).queries).toEqual([]);
    expect(clickSet([clicked(0, 1, 2, 3)]).queries).toEqual([]);
  });
});

describe('holdout groups', () => {
  const groups = Array.from({ length: 50 }, (_, i) => groupOf(i, { holdout: i % 5 === 0 }));
  const sequences = (low: number, remembered: number[], cursor: number, max: number): number[] =>
    holdoutGroups(journalOf(groups, low, remembered), cursor, max).map(({ sequence }) => sequence);

  it('are the newest before the cursor, whatever ingest has added since', () => {
    expect(sequences(0, [], 41, 3)).toEqual([30, 35, 40]);
    expect(sequences(0, [], 40, 3)).toEqual([25, 30, 35]);
  });

  it('come from the memory where the ring has too few', () => {
    expect(sequences(32, [2, 5, 7, 10, 20], 44, 4)).toEqual([10, 20, 35, 40]);
    expect(sequences(32, [], 44, 4)).toEqual([35, 40]);
    expect(sequences(44, [5], 44, 4)).toEqual([5]);
  });
});
