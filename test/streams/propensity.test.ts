// Invariants 1 to 3 of propensity.ts, and what clicks can and cannot tell about positions.
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/contract.ts';
import { type Random, randomFor } from '../../src/random.ts';
import { Propensities } from '../../src/streams/propensity.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { tinyConfig } from '../support/stream-events.ts';

const truth = [1, 0.6, 0.42, 0.3, 0.25, 0.2, 0.17, 0.15];
const slow = [1, 0.9, 0.82, 0.75, 0.7, 0.65, 0.6, 0.55];
const steep = [1, 0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05];

const open = (propensity: Record<string, unknown>, entries: StateEntry[] = []) =>
  new Propensities(tinyConfig({ propensity: { mode: 'estimated', ...propensity } }), { entries, next: {} });
const read = (propensities: Propensities, count = truth.length) =>
  Array.from({ length: count }, (_, index) => propensities.of(index + 1));
const result = (documentId: string, position: number): Result => ({
  documentId,
  position,
  title: '',
  summary: '',
});

type Ranking = (attraction: readonly number[], random: Random) => number[];
const shuffled: Ranking = (attraction, random) => random.shuffle([...attraction.keys()]);
/** By attraction, always the same: the best on top. */
const fixed: Ranking = (attraction) => [...attraction.keys()].sort((a, b) => attraction[b]! - attraction[a]!);

/** Clicks with P = theta[position] * gamma[query, document]: 40 queries of 25 documents each. */
function simulate(into: readonly Pick<Propensities, 'observe'>[], pages: number, ranking: Ranking): void {
  const random = randomFor(7, 'position-based model');
  const attraction = Array.from({ length: 40 }, () =>
    Array.from({ length: 25 }, () => 0.6 * random.next() ** 2),
  );
  for (let page = 0; page < pages; page++) {
    const query = random.below(attraction.length);
    const order = ranking(attraction[query]!, random).slice(0, truth.length);
    const results = order.map((document, index) => result(`d${document}`, index + 1));
    const clicked = new Set<number>();
    order.forEach((document, index) => {
      if (random.next() < truth[index]! * attraction[query]![document]!) clicked.add(index);
    });
    for (const propensities of into) propensities.observe(`q${query}`, results, clicked);
  }
}

function countClicks(
  this: { clicks: number[] },
  _query: string,
  _results: unknown,
  clicked: ReadonlySet<number>,
) {
  for (const index of clicked) this.clicks[index]!++;
}

const distance = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, index) => Math.abs(value - b[index]!)));

describe('modes', () => {
  test('none: every position is seen', () => {
    const propensities = open({ mode: 'none' });
    expect(read(propensities, 3)).toEqual([1, 1, 1]);
  });

  test('table: by position, the last value for all below, never under the floor', () => {
    const propensities = open({ mode: 'table', table: [0.9, 0.5, 0.02], floor: 0.05 });
    propensities.observe('q', [result('d', 1)], new Set([0]));
    expect(read(propensities, 5)).toEqual([0.9, 0.5, 0.05, 0.05, 0.05]);
    const changes: StateEntry[] = [];
    propensities.drain(changes);
    expect(changes).toEqual([]);
  });

  test('estimated: the start values until there are clicks, scaled so that position 1 is 1', () => {
    expect(read(open({ table: [0.8, 0.4] }), 3)).toEqual([1, 0.5, 0.5]);
  });
});

describe('by hand', () => {
  // keep = 1 - ln 2 / 50,000. Start: 5 clicks' worth at gamma 0.3, so clicks / mass is 1.5 / 1.5 at position
  // 1 and 0.75 / 1.5 at position 2, and 30 clicks in 100 looks over all.
  const keep = 1 - Math.LN2 / 50_000;
  const start = { table: [1, 0.5], floor: 0.05 };

  test('a page of new documents: all have the mean gamma', () => {
    const propensities = open(start);
    propensities.observe('q', [result('a', 1), result('b', 2)], new Set([0]));
    const first = (1.5 * keep + 1) / (1.5 * keep + 0.3);
    const second = (0.75 * keep) / (1.5 * keep + 0.3);
    expect(propensities.of(2)).toBeCloseTo(second / first, 12);
  });

  test('a document that was wanted before makes its position expect more', () => {
    const propensities = open(start);
    propensities.observe('q', [result('a', 1)], new Set([0]));
    propensities.observe('q', [result('a', 2)], new Set([0]));
    // Page 1: a is clicked at theta 1; over all (30 keep + 1) / (100 keep + 1).
    // Page 2: its gamma is (1 click + the mean) / (1 look + 1), and it is clicked again.
    const mean = (30 * keep + 1) / (100 * keep + 1);
    const first = (1.5 * keep + 1) / (1.5 * keep + 0.3);
    const second = (0.75 * keep + 1) / (1.5 * keep + (1 + mean) / 2);
    expect(propensities.of(2)).toBeCloseTo(second / first, 12);
  });

  test('the same document for another query is another one', () => {
    const propensities = open(start);
    propensities.observe('q', [result('a', 1)], new Set([0]));
    propensities.observe('other', [result('a', 2)], new Set([0]));
    const mean = (30 * keep + 1) / (100 * keep + 1);
    const first = (1.5 * keep + 1) / (1.5 * keep + 0.3);
    const second = (0.75 * keep + 1) / (1.5 * keep + mean);
    expect(propensities.of(2)).toBeCloseTo(second / first, 12);
  });
});

describe('what clicks tell', () => {
  test('rankings in random order identify them: within 0.05 after 30,000 pages, from any start', () => {
    const starts = [slow, steep].map((table) => open({ table }));
    simulate(starts, 30_000, shuffled);
    for (const propensities of starts) expect(distance(read(propensities), truth)).toBeLessThan(0.05);
    expect(distance(slow, truth)).toBeGreaterThan(0.4);
  });

  test('fixed rankings do not: even begun at the truth, lower positions come out too low', () => {
    const [random, same] = [open({ table: truth }), open({ table: truth })];
    simulate([random], 30_000, shuffled);
    simulate([same], 30_000, fixed);
    const worst = (propensities: Propensities) =>
      Math.min(...read(propensities).map((value, index) => value / truth[index]!));
    expect(worst(random)).toBeGreaterThan(0.85);
    expect(worst(same)).toBeLessThan(0.75);
  });

  test('a third in random order: within 0.1, where click rates by position are twice as far off', () => {
    const propensities = open({ table: slow });
    const rates = { clicks: truth.map(() => 0), observe: countClicks };
    const explored: Ranking = (attraction, random) =>
      (random.next() < 1 / 3 ? shuffled : fixed)(attraction, random);
    simulate([propensities, rates], 30_000, explored);
    const naive = rates.clicks.map((clicks) => clicks / rates.clicks[0]!);
    expect(distance(read(propensities), truth)).toBeLessThan(0.1);
    expect(distance(naive, truth)).toBeGreaterThan(2 * distance(read(propensities), truth));
  });

  test('however seldom a position is clicked, its propensity is at least the floor', () => {
    const propensities = open({ table: [1, 0.5], floor: 0.1 });
    for (let i = 0; i < 500; i++)
      propensities.observe('q', [result(`a${i}`, 1), result(`b${i}`, 2)], new Set([0]));
    expect(read(propensities, 2)).toEqual([1, 0.1]);
  });

  test('no click at position 1, ever: still in range', () => {
    const propensities = open({ table: [1, 0.5] });
    for (let i = 0; i < 5000; i++) propensities.observe('q', [result('a', 1), result('b', 2)], new Set([1]));
    expect(read(propensities, 2)).toEqual([1, 1]);
  });
});

describe('state', () => {
  const pagesOf = (changes: StateEntry[]) => changes.map(({ slot }) => slot).sort((a, b) => a - b);

  test('only pages of cells that changed are drained: a page of results changes few', () => {
    const propensities = open({ cells: 65_536 });
    propensities.observe('q', [result('a', 1), result('b', 2)], new Set([0]));
    const changes: StateEntry[] = [];
    propensities.drain(changes);
    expect(changes.length).toBeGreaterThanOrEqual(2);
    expect(changes.length).toBeLessThanOrEqual(3);
    expect(pagesOf(changes)[0]).toBe(0);
    const again: StateEntry[] = [];
    propensities.drain(again);
    expect(again).toEqual([]);
  });

  test('every slot fits a page of the journal, and the slots are as many as the cells need', () => {
    const propensities = open({ cells: 1_100 });
    simulate([propensities], 2_000, shuffled);
    const changes: StateEntry[] = [];
    propensities.drain(changes);
    expect(pagesOf(changes)).toEqual([0, 1, 2, 3]); // 1,100 cells are 504 + 504 + 92
    for (const { value } of changes) expect(value!.byteLength).toBeLessThanOrEqual(4_040);
  });

  test('saved and opened again it goes on with the same bits, whatever the alignment of the bytes', () => {
    const one = open({ cells: 1_100 });
    simulate([one], 500, shuffled);
    const saved: StateEntry[] = [];
    one.drain(saved);
    const shifted = saved.map((entry) => {
      const bytes = new Uint8Array(entry.value!.byteLength + 1).subarray(1);
      bytes.set(entry.value!);
      return { ...entry, value: bytes };
    });
    const two = open({ cells: 1_100 }, shifted);
    expect(read(two)).toEqual(read(one));
    simulate([one, two], 500, shuffled);
    expect(read(two)).toEqual(read(one));
    const [a, b]: StateEntry[][] = [[], []];
    one.drain(a!);
    two.drain(b!);
    expect(b).toEqual(a);
  });

  test('another format is refused', () => {
    const entry = { table: 'propensity', slot: 0, value: Uint8Array.of(9, 0) } as const;
    expect(() => open({}, [entry])).toThrow(expect.objectContaining({ code: 'JOURNAL_FOREIGN' }));
  });
});
