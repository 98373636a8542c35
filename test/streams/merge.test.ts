// Invariants 1 to 4 of merge.ts, against sorts that see everything at once.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { badLine, isLetter } from '../../src/streams/envelope.ts';
import { openMerge } from '../../src/streams/merge.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import { openRecordOrder } from '../../src/streams/record-order.ts';
import { placed, recordOf } from '../support/records.ts';

interface Options {
  readonly lookahead: number;
  readonly lookaheadMax: number;
  /** Items pushed at a time, and released at a time. */
  readonly chunk?: number;
}

interface Outcome {
  readonly order: string[];
  readonly heldMax: number;
  readonly repeats: number;
}

const order = openRecordOrder({ documents: 'docs', documentsKnownBefore: 500 });
const nameOf = (item: SourceItem): string =>
  isLetter(item) ? item.detail : `${item.partition}/${item.offset}@${item.timestampMs}`;

/** Runs files through a merge as the conductor does. */
function mergeAll(files: readonly (readonly SourceItem[])[], { chunk = 3, ...bounds }: Options): Outcome {
  const merge = openMerge(files.length, { ...bounds, order });
  const at = files.map(() => 0);
  const out: SourceItem[] = [];
  let heldMax = 0;
  for (;;) {
    const before = out.length;
    merge.take(out, before + chunk);
    heldMax = Math.max(heldMax, merge.held);
    if (out.length > before) continue;
    const input = merge.wants();
    if (input === null) break;
    const items = files[input]!.slice(at[input], at[input]! + chunk);
    at[input]! += chunk;
    if (items.length === 0) merge.end(input);
    else merge.push(input, items);
  }
  expect(merge.held).toBe(0);
  return { order: out.map(nameOf), heldMax, repeats: merge.repeats };
}

const items = (records: readonly SourceRecord[]): SourceItem[] => records.map(placed);

/** A merge of whole partitions: always the partition with the smallest head. */
function mergePartitions(records: readonly SourceRecord[]): string[] {
  const queues = new Map<number, SourceRecord[]>();
  for (const record of records)
    queues.set(record.partition, [...(queues.get(record.partition) ?? []), record]);
  for (const queue of queues.values()) queue.sort((a, b) => a.offset - b.offset);
  const order: string[] = [];
  for (;;) {
    const heads = [...queues.values()].flatMap((queue) => queue.slice(0, 1));
    if (heads.length === 0) return order;
    heads.sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition);
    order.push(nameOf(placed(queues.get(heads[0]!.partition)!.shift()!)));
  }
}

/** Partitions with their offsets in order; `back` lets timestamps go back. */
const topic = (back: boolean): fc.Arbitrary<SourceRecord[]> =>
  fc
    .array(fc.record({ partition: fc.nat(3), step: fc.integer({ min: back ? -5 : 0, max: 6 }) }), {
      maxLength: 60,
    })
    .map((steps) => {
      const next = [0, 0, 0, 0];
      let now = 1_000;
      return steps.map(({ partition, step }) => {
        now = Math.max(0, now + step);
        return recordOf(partition, next[partition]!++, now);
      });
    });

/**
 * The same topic as one file in which partitions lag one another: any interleaving that keeps them in order.
 */
const lagging = (records: readonly SourceRecord[], picks: readonly number[]): SourceRecord[] => {
  const queues = [0, 1, 2, 3].map((partition) => records.filter((record) => record.partition === partition));
  const file: SourceRecord[] = [];
  for (let at = 0; file.length < records.length; at++) {
    const waiting = queues.filter((queue) => queue.length > 0);
    file.push(waiting[(picks[at % Math.max(1, picks.length)] ?? 0) % waiting.length]!.shift()!);
  }
  return file;
};

const ample = { lookahead: 100, lookaheadMax: 100 };

describe('one file', () => {
  test('2: equals the full sort where the lookahead suffices', () => {
    fc.assert(
      fc.property(
        topic(false),
        fc.array(fc.nat(3)),
        fc.integer({ min: 1, max: 9 }),
        (records, picks, chunk) => {
          const sorted = [...records].sort(
            (a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset,
          );
          expect(mergeAll([items(lagging(records, picks))], { ...ample, chunk }).order).toEqual(
            sorted.map((record) => nameOf(placed(record))),
          );
        },
      ),
    );
  });

  test('1 and 2: equals the merge of whole partitions where timestamps go back', () => {
    fc.assert(
      fc.property(topic(true), fc.array(fc.nat(3)), (records, picks) => {
        const { order } = mergeAll([items(lagging(records, picks))], ample);
        expect(order).toEqual(mergePartitions(records));
      }),
    );
  });

  test('2: a small lookahead suffices for a small displacement', () => {
    fc.assert(
      fc.property(topic(false), fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }), (records, picks) => {
        // Blocks of six records shuffled among partitions: no record is displaced by more than five.
        const file: SourceRecord[] = [];
        for (let from = 0; from < records.length; from += 6)
          file.push(...lagging(records.slice(from, from + 6), picks));
        const { order } = mergeAll([items(file)], { lookahead: 6, lookaheadMax: 60 });
        expect(order).toEqual(mergePartitions(records));
      }),
    );
  });

  test('1 and 3: with any lookahead nothing is lost, offsets stay in order, and no more is held', () => {
    const bounds = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(8));
    fc.assert(
      fc.property(
        topic(true),
        fc.array(fc.nat(3)),
        bounds,
        fc.integer({ min: 1, max: 5 }),
        (records, picks, b, chunk) => {
          const [lookahead, more] = b;
          const options = { lookahead, lookaheadMax: lookahead + more };
          const file = items(lagging(records, picks));
          const { order, heldMax } = mergeAll([file], { ...options, chunk });
          expect([...order].sort()).toEqual(file.map(nameOf).sort());
          expect(heldMax).toBeLessThanOrEqual(options.lookaheadMax);
          for (const partition of [0, 1, 2, 3]) {
            const own = order.filter((name) => name.startsWith(`${partition}/`));
            expect(own).toEqual(
              records.filter((r) => r.partition === partition).map((r) => nameOf(placed(r))),
            );
          }
          // How it is cut into pieces changes nothing.
          expect(mergeAll([file], { ...options, chunk: 100 }).order).toEqual(order);
        },
      ),
    );
  });

  test('by hand: waits for a partition that was seen, until the bound', () => {
    const file = [
      recordOf(1, 0, 5),
      recordOf(0, 0, 1),
      ...[2, 3, 4, 6, 7].map((at, i) => recordOf(0, i + 1, at)),
    ];
    // 1/0 is held back; 0/0 goes first; then partition 1 has the only one waiting of its own, so all goes by
    // time.
    expect(mergeAll([items(file)], { lookahead: 1, lookaheadMax: 9, chunk: 1 }).order).toEqual([
      '1/0@5',
      '0/0@1',
      '0/1@2',
      '0/2@3',
      '0/3@4',
      '0/4@6',
      '0/5@7',
    ]);
    expect(mergeAll([items(file)], { lookahead: 2, lookaheadMax: 9, chunk: 1 }).order).toEqual([
      '0/0@1',
      '0/1@2',
      '0/2@3',
      '0/3@4',
      '1/0@5',
      '0/4@6',
      '0/5@7',
    ]);
    // Partition 1 is silent after its first record: at three held the smallest goes.
    const silent = [
      recordOf(0, 0, 1),
      recordOf(1, 0, 2),
      ...[3, 4, 5, 6].map((at, i) => recordOf(0, i + 1, at)),
    ];
    const merge = openMerge(1, { lookahead: 2, lookaheadMax: 3, order });
    merge.push(0, items(silent));
    const out: SourceItem[] = [];
    merge.take(out, 100);
    expect(out.map(nameOf)).toEqual(['0/0@1', '1/0@2', '0/1@3', '0/2@4']);
    expect(merge.held).toBe(2);
  });
});

test('a record that comes before those of its partition that wait moves the partition forward', () => {
  const file = [recordOf(0, 5, 50), recordOf(1, 0, 10), recordOf(2, 0, 20), recordOf(0, 4, 1)];
  const { order } = mergeAll([items(file)], ample);
  expect(order).toEqual(['0/4@1', '1/0@10', '2/0@20', '0/5@50']);
});

describe('several files', () => {
  test('their order as arguments does not matter, nor how a topic is spread over them', () => {
    const spread = fc.tuple(topic(true), fc.array(fc.nat(2), { minLength: 1, maxLength: 20 }), fc.nat(6));
    fc.assert(
      fc.property(spread, ([records, picks, lookahead]) => {
        const files: SourceRecord[][] = [[], [], []];
        records.forEach((record, at) => {
          files[picks[at % picks.length]!]!.push(record);
        });
        const orders = (options: Options): string[][] =>
          [
            [0, 1, 2],
            [2, 0, 1],
            [1, 0, 2],
          ].map((by) => {
            try {
              return mergeAll(
                by.map((file) => items(files[file]!)),
                options,
              ).order;
            } catch (error) {
              // Too late for so small a lookahead: then for any order of the files.
              return [(error as Error).message];
            }
          });
        const [some, ...others] = orders({ lookahead: 1 + lookahead, lookaheadMax: 80 });
        expect(others).toEqual([some, some]);
        const [all, ...rest] = orders(ample);
        expect(rest).toEqual([all, all]);
        expect([...all!].sort()).toEqual(items(records).map(nameOf).sort());
      }),
    );
  });

  test('4: overlapping recordings are delivered once', () => {
    const windows = fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(topic(false), windows, (records, cuts) => {
        const files = [records, ...cuts.map(([a, b]) => records.slice(Math.min(a, b), Math.max(a, b)))];
        const { order, repeats } = mergeAll(files.map(items), { lookahead: 3, lookaheadMax: 80 });
        expect(order.length).toBe(records.length);
        expect(new Set(order).size).toBe(records.length);
        expect(repeats).toBe(files.flat().length - records.length);
      }),
    );
  });

  test('follow one another in time without being held', () => {
    const monday = Array.from({ length: 50 }, (_, i) => recordOf(i % 2, i >> 1, i));
    const tuesday = Array.from({ length: 50 }, (_, i) => recordOf(i % 2, 25 + (i >> 1), 50 + i));
    const { order, heldMax } = mergeAll([items(tuesday), items(monday)], { lookahead: 4, lookaheadMax: 10 });
    expect(order).toEqual([...items(monday), ...items(tuesday)].map(nameOf));
    expect(heldMax).toBeLessThanOrEqual(5);
  });
});

describe('what has no place', () => {
  const letter = (name: string): SourceItem => {
    const bad = badLine(Buffer.from(name), { file: 'f', line: 1 }, '');
    return { ...bad, detail: name };
  };

  test('lines that are no records pass in the order of their files', () => {
    const first = [letter('a'), ...items([recordOf(0, 0, 5)]), letter('b'), ...items([recordOf(0, 1, 9)])];
    const second = [...items([recordOf(1, 0, 7)]), letter('c'), letter('d')];
    const expected = ['a', 'b', 'c', 'd', '0/0@5', '1/0@7', '0/1@9'];
    for (const chunk of [1, 2, 10]) {
      expect(mergeAll([first, second], { ...ample, chunk }).order).toEqual(expected);
      expect(mergeAll([second, first], { ...ample, chunk }).order).toEqual(expected);
    }
  });

  test('a topic of documents may be beside the events, and be silent while they go on', () => {
    const docs = [recordOf(0, 0, 1_000, { topic: 'docs' }), recordOf(0, 1, 2_000, { topic: 'docs' })];
    const events = Array.from({ length: 50 }, (_, at) => recordOf(0, at, 1_000 + 100 * at));
    const { order: merged, heldMax } = mergeAll([items(events), items(docs)], {
      lookahead: 4,
      lookaheadMax: 40,
    });
    expect(merged.slice(0, 2)).toEqual(['0/0@1000', '0/0@1000']);
    expect(merged.slice(11, 13)).toEqual(['0/1@2000', '0/10@2000']);
    expect(heldMax).toBeLessThanOrEqual(5);
  });

  test('4: a document known from the beginning comes first, or is too late', () => {
    const known = recordOf(0, 1, 499, { topic: 'docs' });
    const files = [items([recordOf(0, 0, 5)]), items([recordOf(0, 0, 7, { topic: 'docs' }), known])];
    expect(mergeAll(files, ample).order).toEqual(['0/0@7', '0/1@499', '0/0@5']);
    const late = items([recordOf(0, 0, 5), recordOf(0, 1, 6), known]);
    expect(() => mergeAll([late], { lookahead: 1, lookaheadMax: 1 })).toThrow('documents_known_before');
  });

  test('a second topic is an error', () => {
    const file = [recordOf(0, 0, 1), recordOf(0, 1, 2, { topic: 'views' })];
    expect(() => mergeAll([items(file)], ample)).toThrow('"clicks" and "views"');
  });

  test('4: a record that comes after later ones of its partition were released is an error, not lost', () => {
    const gap = [recordOf(0, 5, 1), recordOf(0, 7, 2), recordOf(0, 8, 3), recordOf(0, 6, 4)];
    const early = [recordOf(0, 5, 1), recordOf(0, 6, 2), recordOf(0, 4, 3)];
    for (const file of [gap, early]) {
      expect(() => mergeAll([items(file)], { lookahead: 1, lookaheadMax: 1 })).toThrow(
        expect.objectContaining({ code: 'INPUT_UNREADABLE', message: expect.stringContaining('too late') }),
      );
      // With enough lookahead it has its place.
      expect(mergeAll([items(file)], ample).order).toHaveLength(file.length);
    }
    const again = [recordOf(0, 5, 1), recordOf(0, 7, 2), recordOf(0, 5, 3), recordOf(0, 7, 4)];
    expect(mergeAll([items(again)], { lookahead: 1, lookaheadMax: 1 }).repeats).toBe(2);
  });
});
