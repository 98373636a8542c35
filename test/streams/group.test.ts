// An impression and its clicks as a group: marks, times, what a correction adds, holdout.
import { expect, test } from 'vitest';
import { groupOf } from '../../src/streams/group.ts';
import type { Click, Page, Visit } from '../../src/streams/visit.ts';
import { tinyConfig } from '../support/stream-events.ts';

const page: Page = {
  query: 'red shoes',
  results: [...'abcd'].map((documentId, index) => ({
    position: index + 11, // the second page
    documentId,
    title: `title ${documentId}`,
    summary: '',
  })),
};
const place = { sequence: 7, impressionId: 'i', origin: { topic: 't', partition: 2, offset: 40 } };
const propensity = (position: number) => 1 / position;
const visit = (clicks: Click[], fields: Partial<Visit> = {}): Visit => ({
  partition: 't/2',
  offset: 40,
  timeMs: 1_000,
  session: 's',
  queryKey: 'key',
  holdout: false,
  clicks,
  journalled: 0,
  sequence: null,
  ...fields,
});
const make = (v: Visit, overrides = {}) =>
  groupOf(v, page, place, { config: tinyConfig(overrides), propensity });
const click = (index: number, timeMs: number, satisfied = true): Click => ({
  index,
  timeMs,
  saidMs: timeMs,
  satisfied,
});

test('everything that the group says', () => {
  expect(make(visit([click(1, 5_000), click(2, 3_000, false)]))).toEqual({
    sequence: 7,
    impressionId: 'i',
    timeMs: 1_000,
    newestMs: 5_000,
    query: 'red shoes',
    queryKey: 'key',
    holdout: false,
    results: [
      {
        documentId: 'a',
        title: 'title a',
        summary: '',
        position: 11,
        propensity: 1 / 11,
        clicked: false,
        satisfied: false,
      },
      {
        documentId: 'b',
        title: 'title b',
        summary: '',
        position: 12,
        propensity: 1 / 12,
        clicked: true,
        satisfied: true,
      },
      {
        documentId: 'c',
        title: 'title c',
        summary: '',
        position: 13,
        propensity: 1 / 13,
        clicked: true,
        satisfied: false,
      },
      {
        documentId: 'd',
        title: 'title d',
        summary: '',
        position: 14,
        propensity: 1 / 14,
        clicked: false,
        satisfied: false,
      },
    ],
    pairs: [1],
    preferences: [{ better: 1, worse: 0, weight: 10 }],
    corrects: null,
    origin: { topic: 't', partition: 2, offset: 40 },
  });
});

test('one long dwell is enough, in whichever click', () => {
  const [result] = make(visit([click(0, 1, false), click(0, 2, true), click(0, 3, false)])).results;
  expect(result).toMatchObject({ clicked: true, satisfied: true });
});

test('a correction adds what the journal does not have; a refuted term is not taken back', () => {
  // First: 2 was wanted, so 2>1, 2>3, 2>0. Then 1 as well: only 1>0 is new.
  const corrected = make(visit([click(2, 5_000), click(1, 6_000)], { journalled: 1, sequence: 3 }));
  expect(corrected.corrects).toBe(3);
  expect(corrected.pairs).toEqual([1]);
  expect(corrected.preferences).toEqual([{ better: 1, worse: 0, weight: 10 }]);
});

test('a correction of what was never journalled brings everything', () => {
  const corrected = make(visit([click(2, 5_000), click(1, 6_000)]));
  expect(corrected.pairs).toEqual([1, 2]);
  expect(corrected.corrects).toBeNull();
});

test('preferences are cut to the bound, the closest first', () => {
  const { preferences } = make(visit([click(3, 5_000)]), { clicks: { preferences_max: 2 } });
  expect(preferences.map((p) => p.worse)).toEqual([2, 1]);
});

test('promise 7: a holdout group shows its clicks and has nothing to train on', () => {
  const group = make(visit([click(1, 5_000)], { holdout: true }));
  expect(group).toMatchObject({ holdout: true, pairs: [], preferences: [] });
  expect(group.results[1]).toMatchObject({ clicked: true, satisfied: true });
});
