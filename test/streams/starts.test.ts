// What is known of a partition, in the order in which it counts: where this process left it, the journal,
// where it is to begin. The record before is compared only where it was ours and is still there.
import { expect, test } from 'vitest';
import { type StartParts, startsOf } from '../../src/streams/starts.ts';

const parts = (change: Partial<StartParts> = {}, low = 0): StartParts => ({
  desk: {
    topic: 'clicks',
    ranges: async () => new Map([[0, { low, high: 50 }]]),
    committed: async () => new Map([[0, 20]]),
  },
  settings: { shared: false, onGap: 'continue' },
  group: 'restill',
  status: { offsets: { 'clicks/0': 10 }, fingerprints: { 'clicks/0': 'journal' } },
  from: new Map([[0, 5]]),
  leftAt: () => null,
  ...change,
});
const nowhere = { offsets: {}, fingerprints: {} };

test.each([
  ['the journal', parts(), 10, 'journal'],
  ['this process', parts({ leftAt: () => ({ next: 15, fingerprint: 'left' }) }), 15, 'left'],
  ['where it is to begin', parts({ status: nowhere }), 5, null],
  ['the beginning', parts({ status: nowhere, from: null }), 0, null],
  ['another member', parts({ settings: { shared: true, onGap: 'halt' } }), 20, null],
  ['what the broker still has', parts({}, 10), 10, null],
] as const)('%s', async (_, known, next, fingerprint) => {
  expect(await startsOf([0], known)).toEqual([{ partition: 0, next, high: 50, fingerprint, gap: null }]);
});

test('what is kept elsewhere counts for more than this process, the group and the journal', async () => {
  const asked: (readonly number[])[] = [];
  const known = parts({
    settings: { shared: true, onGap: 'halt' },
    leftAt: () => ({ next: 15, fingerprint: 'left' }),
    takeOver: async (partitions) => {
      asked.push(partitions);
      return { offsets: { 'clicks/0': 12 }, fingerprints: { 'clicks/0': 'kept' } };
    },
  });
  expect(await startsOf([0], known)).toMatchObject([{ next: 12, fingerprint: 'kept' }]);
  expect(asked).toEqual([[0]]);
  expect(await startsOf([0], parts({ takeOver: async () => nowhere, from: null }))).toMatchObject([
    { next: 0, fingerprint: null },
  ]);
});

test('a gap is handed on', async () => {
  expect(await startsOf([0], parts({}, 30))).toMatchObject([{ next: 30, gap: { from: 10, to: 30 } }]);
});

test('a journal of another topic is refused before anything is asked', async () => {
  const status = { offsets: { 'clicks-old/0': 3 }, fingerprints: {} };
  await expect(startsOf([0], parts({ status }))).rejects.toMatchObject({
    code: 'JOURNAL_FOREIGN',
    message: expect.stringMatching(/clicks-old\/0.*clicks/),
  });
});
