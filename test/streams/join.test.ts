// Invariants 1 to 4 of join.ts: the stages of an impression, duplicates, lateness, bounds.
// The window is 30 s, the lateness 20 s, the disorder 2 s, so an impression of time 0 is open until an event
// at 32 s has been passed, retained until 52 s, remembered until 102 s.
import { describe, expect, test } from 'vitest';
import {
  click,
  Feed,
  impression,
  minute,
  second,
  start,
  tick,
  tinyConfig,
} from '../support/stream-events.ts';

const feed = (overrides = {}) => new Feed(tinyConfig(overrides));
const clickedIn = (group: Feed['groups'][number]) =>
  group.results
    .filter(({ clicked }) => clicked)
    .map(({ documentId }) => documentId)
    .join('');

describe('stages', () => {
  test('a click while its impression is open is joined', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', 5_000), click('i', 'c', 30_000), tick(32_000));
    expect(f.drain().groups).toEqual([]);
    f.all(tick(32_001));
    f.drain();
    expect(f.groups.map((group) => [group.impressionId, clickedIn(group)])).toEqual([['i', 'bc']]);
    expect(f.groups[0]).toMatchObject({ timeMs: start, newestMs: start + 30_000, corrects: null });
  });

  test('a click while it is retained makes a correction: all the clicks, but only what it adds', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', 5_000), tick(40_000), click('i', 'd', 20_000));
    expect(f.counts).toEqual({ late: 1, corrected: 1, groups: 2, pairs: 2, preferences: 4 });
    const [first, second_] = f.groups;
    expect([clickedIn(first!), first!.pairs, first!.corrects]).toEqual(['b', [1], null]);
    expect(first!.preferences.map((p) => `${p.better}>${p.worse}`)).toEqual(['1>0', '1>2']);
    expect([clickedIn(second_!), second_!.pairs, second_!.corrects]).toEqual(['bd', [3], 0]);
    expect(second_!.preferences.map((p) => `${p.better}>${p.worse}`)).toEqual(['3>2', '3>0']);
    expect(second_!.sequence).toBe(1);
  });

  test('a second correction corrects the first group too', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', 5_000), tick(40_000));
    f.all(click('i', 'd', 20_000), click('i', 'a', 21_000));
    f.drain();
    expect(f.groups.map(({ corrects }) => corrects)).toEqual([null, 0, 0]);
    expect(f.groups.map(({ pairs }) => pairs)).toEqual([[1], [3], [0]]);
  });

  test('a click on what was unclicked makes a first group that corrects none', () => {
    const f = feed().all(impression('i', 0), tick(40_000), click('i', 'b', 20_000), click('i', 'c', 21_000));
    expect(f.counts).toMatchObject({ unclicked: 1, corrected: 2, groups: 2 });
    expect(f.groups.map(({ corrects, sequence }) => [sequence, corrects])).toEqual([
      [0, null],
      [1, 0],
    ]);
  });

  test('a click after that is too late, as long as the impression is remembered, then an orphan', () => {
    const f = feed().all(impression('i', 0), tick(52_001), click('i', 'b', 20_000));
    expect(f.counts).toEqual({ late: 1, tooLate: 1, unclicked: 1 });
    f.all(tick(102_001), click('i', 'c', 20_000));
    expect(f.counts).toMatchObject({ tooLate: 1, orphans: 1 });
  });

  test('an impression that comes when it would be retained closes at once, and can be corrected', () => {
    const f = feed().all(tick(50_000), impression('i', 0));
    expect(f.counts).toEqual({ late: 1, unclicked: 1 });
    f.all(click('i', 'b', 1_000));
    expect(f.counts).toMatchObject({ corrected: 1, groups: 1 });
  });

  test('a click that itself moves the watermark past its page finds the page closed', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', minute));
    expect(f.counts).toEqual({ tooLate: 1, unclicked: 1 });
  });

  test('the impression of a silent partition closes by the clock of the others', () => {
    const f = feed()
      .accept(impression('i', 0))
      .accept(click('i', 'b', 1_000));
    for (const at of [50_000, 70_000]) f.accept(tick(at), { partition: 1 });
    expect(f.drain().groups).toEqual([]); // 70 - 40 s idle = 30 s: not past the window
    f.accept(tick(70_001), { partition: 1 });
    expect(f.drain().groups).toHaveLength(1);
  });

  test('clicks are joined across partitions', () => {
    const f = feed()
      .accept(impression('i', 0))
      .accept(click('i', 'b', 1_000), { partition: 3 })
      .finish();
    expect(f.counts).toMatchObject({ groups: 1 });
    expect(f.groups[0]!.origin).toEqual({ topic: 'clicks', partition: 0, offset: 0 });
  });
});

describe('duplicates', () => {
  test('the same impression again, in any stage', () => {
    const f = feed().all(impression('i', 0), impression('i', 0), tick(40_000), impression('i', 0));
    f.all(tick(60_000), impression('i', 0));
    expect(f.counts).toMatchObject({ duplicates: 3 });
  });

  test('an impression that comes when its like would be forgotten is too late, so never taken twice', () => {
    const f = feed().all(impression('i', 0), tick(5 * minute), impression('i', 0), impression('new', 0));
    expect(f.counts).toMatchObject({ tooLate: 2, late: 2 });
    expect(f.counts.duplicates).toBeUndefined();
  });

  test('the same click again; another time or document is another click', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', 5_000), click('i', 'b', 5_000));
    f.all(click('i', 'b', 5_001), click('i', 'c', 5_000)).finish();
    expect(f.counts).toMatchObject({ duplicates: 1, groups: 1, pairs: 2 });
  });

  test('a click delivered again when its page is retained, or while it waits', () => {
    const f = feed().all(impression('i', 0), click('i', 'b', 5_000), tick(40_000), click('i', 'b', 5_000));
    f.all(click('later', 'a', 39_000), click('later', 'a', 39_000), impression('later', 38_500));
    f.all(click('later', 'a', 39_000)).finish();
    expect(f.counts).toMatchObject({ duplicates: 3, groups: 2 });
    expect(f.counts.corrected).toBeUndefined();
  });

  test('after a hundred clicks a page has said enough', () => {
    const f = feed({ bots: { events_per_minute_max: 1_000 } }).accept(impression('i', 0));
    for (let i = 0; i < 105; i++) f.accept(click('i', 'b', 1_000 + i));
    expect(f.counts).toMatchObject({ duplicates: 5 });
    for (let i = 0; i < 105; i++) f.accept(click('j', 'b', 2_000 + i));
    f.accept(impression('j', 0));
    expect(f.counts).toMatchObject({ duplicates: 10 });
  });

  test('a click on a document that was not shown is counted apart', () => {
    const f = feed()
      .all(impression('i', 0), click('i', 'z', 1_000))
      .finish();
    expect(f.counts).toEqual({ unshown: 1, unclicked: 1 });
  });
});

describe('clicks before their impression', () => {
  test('wait and are joined in the order they came', () => {
    const f = feed().all(click('i', 'c', 2_000), click('i', 'z', 2_500), click('i', 'a', 3_000));
    f.all(impression('i', 1_000)).finish();
    expect(f.counts).toMatchObject({ unshown: 1, groups: 1, pairs: 2 });
    expect(clickedIn(f.groups[0]!)).toBe('ac');
  });

  test('wait even when they are late, as long as the window of their own time is open', () => {
    const f = feed()
      .all(tick(20_000), click('i', 'a', 2_000), impression('i', 1_000))
      .finish();
    expect(f.counts).toMatchObject({ late: 2, groups: 1 });
    expect(f.counts.orphans).toBeUndefined();
  });

  test('become orphans when the watermark is past their time and the window', () => {
    const f = feed().all(click('i', 'a', 0), tick(32_000));
    expect(f.counts.orphans).toBeUndefined();
    f.accept(tick(32_001));
    expect(f.counts).toMatchObject({ orphans: 1 });
    f.all(click('j', 'a', 0));
    expect(f.counts).toMatchObject({ orphans: 2 }); // past it when it came: never waited
  });

  test('become orphans at the end', () => {
    expect(
      feed()
        .all(click('i', 'a', 0))
        .finish().counts,
    ).toEqual({ orphans: 1 });
  });

  test('are bounded: the oldest is given up', () => {
    const f = feed({ join: { orphans_max: 2 } });
    f.all(click('i', 'a', 1), click('j', 'a', 2), click('k', 'a', 3));
    expect(f.counts).toEqual({ orphans: 1 });
    f.all(impression('i', 4), impression('k', 5)).finish();
    expect(f.counts).toMatchObject({ orphans: 2, groups: 1, unclicked: 1 });
  });
});

describe('bounds (promise 11)', () => {
  test('when open_max is reached the oldest closes early, and can still be corrected', () => {
    const f = feed({ join: { open_max: 2 } });
    f.all(impression('i', 0), click('i', 'b', 100), impression('j', 200), impression('k', 300));
    expect(f.counts).toEqual({ crowdedOut: 1, groups: 1, pairs: 1, preferences: 2 });
    f.all(click('i', 'c', 400), click('j', 'a', 500)).finish();
    expect(f.counts).toMatchObject({ crowdedOut: 1, corrected: 1, groups: 3 });
  });

  test('as many are retained and remembered: past that a late click is too late, then an orphan', () => {
    const f = feed({ join: { open_max: 1 } });
    f.all(impression('i', 0), impression('j', 1), impression('k', 2));
    f.all(click('i', 'b', 3), click('j', 'b', 4), click('k', 'b', 5));
    expect(f.counts).toMatchObject({ crowdedOut: 2, tooLate: 1, corrected: 1 });
    f.all(impression('l', 6), click('i', 'c', 7)).finish();
    expect(f.counts).toMatchObject({ orphans: 1 });
  });
});

describe('a device whose clock is a year ahead', () => {
  const year = 365 * 24 * 60 * minute;
  const ahead = { timestampMs: start + second };

  test('closes nothing and makes nothing late', () => {
    const f = feed().all(impression('i', 0)).accept(impression('ahead', year), ahead);
    f.all(click('i', 'b', 2_000));
    expect(f.counts).toEqual({});
    expect(f.finish().counts).toMatchObject({ groups: 1, unclicked: 1 });
  });

  test('has its own pages joined and closed like any, at the time of their records', () => {
    const f = feed()
      .accept(impression('ahead', year), ahead)
      .accept(click('ahead', 'b', year + 10), ahead);
    f.accept(click('ahead', 'b', year + 10), { timestampMs: start + 2 * second }); // delivered again
    f.all(tick(33_001));
    expect(f.counts).toMatchObject({ duplicates: 1, groups: 1 });
    expect(f.groups[0]).toMatchObject({ timeMs: start + second, newestMs: start + second });
  });

  test('clicks of it that wait are known again too', () => {
    const f = feed().accept(click('i', 'b', year), ahead);
    f.accept(click('i', 'b', year), { timestampMs: start + 2 * second });
    f.all(impression('i', 1_500)).accept(click('i', 'b', year), { timestampMs: start + 3 * second });
    expect(f.finish().counts).toMatchObject({ duplicates: 2, groups: 1 });
  });
});
