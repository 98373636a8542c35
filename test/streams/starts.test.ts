// What is known of a partition, in the order in which it counts: where this process left it, the journal,
// where it is to begin. The record before is compared only where it was ours and is still there.
import { expect, test } from 'vitest';
import type { Place } from '../../src/streams/ports.ts';
import { type StartParts, startsOf } from '../../src/streams/starts.ts';

const parts = (change: Partial<StartParts> = {}, low = 0): StartParts => ({
  desk: {
    topics: ['clicks', 'docs'],
    ranges: async () =>
      new Map([
        ['clicks/0', { low, high: 50 }],
        ['docs/0', { low: 3, high: 9 }],
      ]),
    committed: async () => new Map([['clicks/0', 20]]),
  },
  settings: { shared: false, onGap: 'continue' },
  group: 'restill',
  status: { offsets: { 'clicks/0': 10 }, fingerprints: { 'clicks/0': 'journal' } },
  from: new Map([['clicks/0', 5]]),
  leftAt: () => null,
  ...change,
});
const place = { topic: 'clicks', partition: 0 };
const nowhere = { offsets: {}, fingerprints: {} };

test.each([
  ['the journal', parts(), 10, 'journal'],
  ['this process', parts({ leftAt: () => ({ next: 15, fingerprint: 'left' }) }), 15, 'left'],
  ['where it is to begin', parts({ status: nowhere }), 5, null],
  ['the beginning', parts({ status: nowhere, from: null }), 0, null],
  ['another member', parts({ settings: { shared: true, onGap: 'halt' } }), 20, null],
  ['what the broker still has', parts({}, 10), 10, null],
] as const)('%s', async (_, known, next, fingerprint) => {
  expect(await startsOf([place], known)).toEqual([{ ...place, next, high: 50, fingerprint, gap: null }]);
});

test('what is kept elsewhere counts for more than this process, the group and the journal', async () => {
  const asked: (readonly Place[])[] = [];
  const known = parts({
    settings: { shared: true, onGap: 'halt' },
    leftAt: () => ({ next: 15, fingerprint: 'left' }),
    takeOver: async (places) => {
      asked.push(places);
      return { offsets: { 'clicks/0': 12 }, fingerprints: { 'clicks/0': 'kept' } };
    },
  });
  expect(await startsOf([place], known)).toMatchObject([{ next: 12, fingerprint: 'kept' }]);
  expect(asked).toEqual([[place]]);
  expect(await startsOf([place], parts({ takeOver: async () => nowhere, from: null }))).toMatchObject([
    { next: 0, fingerprint: null },
  ]);
});

test('a gap is handed on', async () => {
  expect(await startsOf([place], parts({}, 30))).toMatchObject([{ next: 30, gap: { from: 10, to: 30 } }]);
});

test('a journal of another topic is refused before anything is asked', async () => {
  const status = { offsets: { 'clicks-old/0': 3 }, fingerprints: {} };
  await expect(startsOf([place], parts({ status }))).rejects.toMatchObject({
    code: 'JOURNAL_FOREIGN',
    message: expect.stringMatching(/clicks-old\/0.*clicks/),
  });
});

test('a partition of the same number in another topic is another one', async () => {
  const docs = { topic: 'docs', partition: 0 };
  expect(await startsOf([docs, place], parts())).toMatchObject([
    { ...docs, next: 3, high: 9, fingerprint: null },
    { ...place, next: 10, fingerprint: 'journal' },
  ]);
});

test('of two that must be alone the second one leaves, and the first one waits for it', async () => {
  const docs = { topic: 'docs', partition: 0 };
  await expect(startsOf([place, docs], parts({ alone: true }))).resolves.toHaveLength(2);
  const refused = { code: 'GROUP_SHARED', message: expect.stringContaining('1 of 2 partitions') };
  await expect(startsOf([place], parts({ alone: true }))).rejects.toMatchObject(refused);
  const left = ({ topic }: Place) => (topic === 'docs' ? { next: 5, fingerprint: null } : null);
  await expect(startsOf([place], parts({ alone: true, leftAt: left }))).rejects.toMatchObject({
    code: 'KAFKA_UNSETTLED',
    disposition: 'retry',
  });
  await expect(startsOf([], parts())).resolves.toEqual([]);
});
