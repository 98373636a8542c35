// Invariants:
// - the order is that of start-time fair queueing: schedules by hand, and a newcomer comes before the rest
//   of a large flow
// - a batch costs at most what it may, but has an item at least; nothing is lost, doubled or reordered
// - while two flows both wait, what they were given differs by at most one item of each
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/serving/fair-queue.ts';

interface Item {
  readonly flow: string;
  readonly cost: number;
}

const queue = () => new FairQueue<Item>(({ cost }) => cost);
const items = (flow: string, ...costs: number[]): Item[] => costs.map((cost) => ({ flow, cost }));
const named = (taken: readonly Item[]): string => taken.map(({ flow, cost }) => `${flow}${cost}`).join(' ');

describe('a fair queue', () => {
  it('gives in turn to flows that begin together', () => {
    const q = queue();
    q.add(items('a', 10, 10, 10));
    q.add(items('b', 5, 5, 5, 5));
    // Starts: a at 0, 10, 20; b at 0, 5, 10, 15.
    expect(named(q.take(1000))).toBe('a10 b5 b5 a10 b5 b5 a10');
    expect([q.size, q.waiting]).toEqual([0, 0]);
  });

  it('lets a newcomer go before the rest of a large flow', () => {
    const q = queue();
    q.add(items('a', 10, 10, 10, 10));
    expect(named(q.take(20))).toBe('a10 a10');
    q.add(items('b', 3, 3)); // Begins at 10, where the second of a began; the third begins at 20.
    expect(named(q.take(16))).toBe('b3 b3 a10');
    expect(q.waiting).toBe(10);
  });

  it('gives a newcomer nothing for the time before it came', () => {
    const q = queue();
    q.add(items('a', 10, 10, 10, 10));
    q.take(20);
    q.add(items('b', 3, 3, 3, 3, 3, 3)); // At 10, 13, 16, 19, 22, 25; what is left of a at 20 and 30.
    expect(named(q.take(1000))).toBe('b3 b3 b3 b3 a10 b3 b3 a10');
  });

  it('takes one item that costs more than it may, and none beside it', () => {
    const q = queue();
    q.add(items('a', 50, 1));
    expect(named(q.take(10))).toBe('a50');
    expect(named(q.take(10))).toBe('a1');
    expect(q.take(10)).toEqual([]);
  });

  it('forgets what is removed, once', () => {
    const q = queue();
    const a = q.add(items('a', 2, 2, 2));
    q.add(items('b', 2));
    q.take(2);
    q.remove(a);
    q.remove(a);
    expect([q.size, q.waiting]).toEqual([1, 2]);
    expect(named(q.take(10))).toBe('b2');
  });

  it('is fair to any two flows while both wait', () => {
    const flows = fc.array(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 }), {
      minLength: 2,
      maxLength: 6,
    });
    const check = (costs: number[][], costMax: number) => {
      const q = queue();
      for (const [i, list] of costs.entries()) q.add(items(String(i), ...list));
      const given = costs.map(() => [] as number[]);
      while (q.size > 0) {
        const taken = q.take(costMax);
        const total = taken.reduce((sum, { cost }) => sum + cost, 0);
        expect(total <= costMax || taken.length === 1).toBe(true);
        for (const { flow, cost } of taken) {
          given[Number(flow)]!.push(cost);
          checkFairness(costs, given);
        }
      }
      expect(given).toEqual(costs);
    };
    fc.assert(fc.property(flows, fc.integer({ min: 1, max: 60 }), check));
  });
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function checkFairness(costs: readonly number[][], given: readonly number[][]): void {
  const waiting = costs.flatMap((list, i) => (given[i]!.length < list.length ? [i] : []));
  const unfair = waiting.flatMap((i) =>
    waiting.filter((j) => sum(given[i]!) - sum(given[j]!) > Math.max(...costs[i]!) + Math.max(...costs[j]!)),
  );
  if (unfair.length > 0) expect.fail(`flows ${unfair} fell behind: ${JSON.stringify(given)}`);
}
