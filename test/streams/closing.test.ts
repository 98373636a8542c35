// Invariants 1 to 3 of closing.ts: where an impression ends up; sequence numbers; what holdout teaches.
import { describe, expect, test } from 'vitest';
import { isHoldout } from '../../src/streams/holdout.ts';
import { normalizeQuery } from '../../src/streams/normalize.ts';
import { click, Feed, impression, tick, tinyConfig } from '../support/stream-events.ts';

describe('promise 12: k-anonymity', () => {
  const config = tinyConfig({ privacy: { users_min: 2 } });

  test('a group is withheld until enough users have issued its query, in whatever case and spacing', () => {
    const f = new Feed(config).all(
      impression('i', 0, { query: 'Red  shoes' }),
      click('i', 'b', 100),
      tick(40_000),
    );
    expect(f.counts).toEqual({ withheld: 1 });
    f.all(impression('j', 40_000, { query: ' RED shoes' }), click('j', 'b', 41_000), tick(80_000));
    expect(f.counts).toMatchObject({ withheld: 1, groups: 1 });
    expect(f.groups[0]).toMatchObject({ impressionId: 'j', query: 'RED shoes' });
  });

  test('the same user again does not count', () => {
    const f = new Feed(config);
    for (const id of ['i', 'j', 'k']) f.all(impression(id, 0, { userId: 'ann' }), click(id, 'b', 100));
    expect(f.finish().counts).toEqual({ withheld: 3 });
  });

  test('users who come while the page is open count', () => {
    const f = new Feed(config).all(impression('i', 0), click('i', 'b', 100), impression('j', 200));
    expect(f.finish().counts).toMatchObject({ groups: 1, unclicked: 1 });
  });

  test('a correction of what was withheld brings all its clicks, once the query may be kept', () => {
    const f = new Feed(config).all(impression('i', 0), click('i', 'b', 100), tick(40_000));
    f.all(click('i', 'a', 200));
    expect(f.counts).toMatchObject({ withheld: 2 });
    f.all(impression('j', 40_000), click('i', 'd', 300));
    expect(f.counts).toMatchObject({ withheld: 2, corrected: 1, groups: 1 });
    expect(f.groups[0]).toMatchObject({ corrects: null, pairs: [0, 1, 3] });
  });
});

describe('bots', () => {
  const config = tinyConfig({ bots: { events_per_minute_max: 3 } });
  const bot = { sessionId: 'bot' };

  test('nothing of a session that turns out to be a bot is kept; each event is counted once', () => {
    const f = new Feed(config).all(impression('i', 0, bot), click('i', 'a', 1, bot), click('i', 'b', 2, bot));
    expect(f.counts).toEqual({});
    f.all(click('i', 'c', 3, bot), click('i', 'd', 4, bot), impression('j', 5, bot)).finish();
    expect(f.counts).toEqual({ bots: 6 });
    expect(f.groups).toEqual([]);
  });

  test('duplicates do not add to the rate', () => {
    const f = new Feed(config).all(impression('i', 0, bot), click('i', 'a', 1, bot));
    for (let i = 0; i < 5; i++) f.all(click('i', 'a', 1, bot), impression('i', 0, bot));
    expect(f.finish().counts).toMatchObject({ duplicates: 10, groups: 1 });
  });

  test('what a known bot sends again is counted as a bot event, for nobody remembers what it sent', () => {
    const f = new Feed(config).all(
      impression('i', 0, bot),
      ...[1, 2, 3].map((at) => click('i', 'a', at, bot)),
    );
    f.all(impression('i', 0, bot), click('i', 'a', 3, bot));
    expect(f.finish().counts).toEqual({ bots: 6 });
  });

  test('clicks of a bot that wait for their impression are not joined, nor orphans', () => {
    const f = new Feed(config).all(...[1, 2, 3, 4].map((at) => click('i', 'a', at, bot)));
    f.all(impression('i', 0)).finish();
    expect(f.counts).toEqual({ bots: 4, unclicked: 1 });
    const g = new Feed(config).all(...[1, 2, 3, 4].map((at) => click('i', 'a', at, bot)));
    expect(g.finish().counts).toEqual({ bots: 4 });
  });

  test('a late click on the page of a bot makes no correction', () => {
    const f = new Feed(config).all(
      impression('i', 0, bot),
      ...[1, 2, 3].map((at) => click('i', 'a', at, bot)),
    );
    f.all(tick(40_000), click('i', 'b', 100, { sessionId: 'person' }));
    expect(f.finish().counts).toEqual({ bots: 4, late: 1, unclicked: 1 });
  });
});

describe('promise 7: holdout', () => {
  const config = tinyConfig({ holdout: { share: 0.5 }, propensity: { mode: 'estimated', table: [1, 0.5] } });
  const queries = Array.from({ length: 40 }, (_, i) => `query ${i}`);
  const held = queries.filter((query) => isHoldout(normalizeQuery(query), config));
  const kept = queries.filter((query) => !held.includes(query));
  const propensityAfter = (list: string[]) => {
    const f = new Feed(config);
    for (const [index, query] of list.entries())
      f.all(impression(`i${index}`, 0, { query }), click(`i${index}`, 'b', 1));
    f.finish().drain();
    return f.groups.at(-1)!.results[1]!.propensity;
  };

  test('groups of held-out queries are kept, marked, without anything to train on', () => {
    const f = new Feed(config);
    for (const query of queries) f.all(impression(query, 0, { query }), click(query, 'b', 1));
    expect(f.finish().counts).toMatchObject({ groups: 40, holdoutGroups: held.length, pairs: kept.length });
    for (const group of f.groups) {
      expect(group.holdout).toBe(held.includes(group.query));
      expect(group.pairs.length + group.preferences.length > 0).toBe(!group.holdout);
      expect(group.results[1]!.clicked).toBe(true);
    }
  });

  test('they do not teach the propensities either', () => {
    expect(held.length).toBeGreaterThan(5);
    expect(propensityAfter(held)).toBe(0.5);
    expect(propensityAfter(kept)).toBeGreaterThan(0.6);
  });
});

test('pages without clicks are not kept but do teach the propensities', () => {
  const config = tinyConfig({ propensity: { mode: 'estimated', table: [1, 0.5] } });
  const f = new Feed(config);
  // Position 1 is never clicked, so what is known of it falls, and position 2 rises by comparison.
  for (let i = 0; i < 20; i++) f.all(impression(`i${i}`, i, { documents: 'a' }));
  f.all(impression('last', 100), click('last', 'b', 101)).finish();
  expect(f.counts).toMatchObject({ unclicked: 20, groups: 1 });
  expect(f.groups[0]!.results[1]!.propensity).toBeGreaterThan(0.6);
});

test('at the end what is open closes in the order of event time', () => {
  const f = new Feed(tinyConfig()).all(impression('later', 500), impression('earlier', 400));
  f.all(click('later', 'a', 600), click('earlier', 'a', 600))
    .finish()
    .drain();
  expect(f.groups.map(({ impressionId }) => impressionId)).toEqual(['earlier', 'later']);
});

test('sequence numbers go on from the one given, without gaps', () => {
  const f = new Feed(tinyConfig(), [], 41);
  for (const id of ['i', 'j', 'k']) f.all(impression(id, 0), click(id, 'b', 1));
  f.finish().drain();
  expect(f.groups.map(({ sequence }) => sequence)).toEqual([41, 42, 43]);
});
