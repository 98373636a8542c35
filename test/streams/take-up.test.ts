// Where a partition is taken up (promise 10): the journal's word counts, in a shared group the further of
// journal and commit; what is not there any more is a gap or another topic, never passed over silently.
import { expect, test } from 'vitest';
import { takeUp } from '../../src/streams/take-up.ts';

const known = { key: 'clicks/0', own: null, committed: null, low: 10, high: 100, first: 10 };
const alone = { shared: false, onGap: 'halt' } as const;
const shared = { shared: true, onGap: 'halt' } as const;

test.each([
  ['nobody knows it', known, alone, 10],
  ['nobody knows it, and it is to begin later', { ...known, first: 40 }, alone, 40],
  ['the journal knows it', { ...known, own: 30 }, alone, 30],
  ['alone, what the group has committed does not count', { ...known, own: 30, committed: 60 }, alone, 30],
  ['not even for a new journal', { ...known, committed: 60 }, alone, 10],
  ['shared, another member went further', { ...known, own: 30, committed: 60 }, shared, 60],
  ['shared, the commit trails', { ...known, own: 60, committed: 30 }, shared, 60],
  ['shared, and new to this journal', { ...known, committed: 60 }, shared, 60],
  ['everything was read', { ...known, own: 100 }, alone, 100],
  ['just what is left was not read', { ...known, own: 10 }, alone, 10],
] as const)('%s', (_, where, how, next) => {
  expect(takeUp(where, how)).toEqual({ next, gap: null });
});

test('deleted before it was read: halt by name, or go on and tell', () => {
  expect(() => takeUp({ ...known, own: 9 }, alone)).toThrow(
    expect.objectContaining({ code: 'OFFSET_GAP', message: expect.stringContaining('offsets 9 to 9') }),
  );
  expect(takeUp({ ...known, own: 4 }, { shared: false, onGap: 'continue' })).toEqual({
    next: 10,
    gap: { from: 4, to: 10 },
  });
});

test('read beyond its end: another topic', () => {
  expect(() => takeUp({ ...known, own: 101 }, alone)).toThrow(
    expect.objectContaining({ code: 'JOURNAL_FOREIGN' }),
  );
});
