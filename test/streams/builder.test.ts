// Invariants of builder.ts, on topics in memory: whoever has a partition, and wherever builders are killed,
// fenced or told to stop, what was handed over is what one builder hands over that nothing happens to.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { Builder, type BuilderParts, type Handing, requireWholePages } from '../../src/streams/builder.ts';
import { type Restored, StateReader } from '../../src/streams/changelog.ts';
import type { DeadLetterFile, PlacedRecord, Source } from '../../src/streams/ports.ts';
import { Topics } from '../support/builder-topics.ts';
import { journalConfig, placed, topicOf } from '../support/records.ts';
import { tinyConfig } from '../support/stream-events.ts';

const partitions = 3;
const records = topicOf(60, partitions);
const config = journalConfig({ transaction_records: 7 }, { join: { window: '3m', lateness_max: '3m' } });

class Killed extends Error {}

/** What there is from the offsets on, `pieces` at a time; then the end, or a kill. */
function sourceOf(items: readonly PlacedRecord[], pieces: readonly number[], killed: boolean): Source {
  let at = 0;
  let piece = 0;
  return {
    ...{ kind: 'live', inputs: 1 },
    read: async () => {
      if (piece === pieces.length) {
        if (killed) throw new Killed();
        return null;
      }
      const from = at;
      at += pieces[piece++]!;
      return items.slice(from, at);
    },
    progress: () => ({ bytesRead: 0, bytesTotal: 0 }),
    close: async () => {},
  };
}

const noLetters: DeadLetterFile = { append: async () => 0, close: async () => {} };

function open(topics: Topics, more: Partial<BuilderParts> = {}): Builder {
  const parts = { config, topic: 'clicks', letters: noLetters, fenced: () => {}, ...more };
  return new Builder({ handing: topics.handing(), ...parts });
}

/** Takes partitions over, and reads on from where it is told to. */
async function session(
  builder: Builder,
  own: readonly number[],
  { pieces, killed }: { readonly pieces: readonly number[]; readonly killed: boolean },
): Promise<void> {
  const { offsets } = await builder.takeOver(own);
  const rest = records.filter(
    ({ partition, offset }) => own.includes(partition) && offset >= (offsets[`clicks/${partition}`] ?? 0),
  );
  const source = sourceOf(rest.map(placed), pieces, killed);
  await builder.run(source, () => {}).catch((error: unknown) => expect(error).toBeInstanceOf(Killed));
}

const whole = [records.length];
const everything = [0, 1, 2];

async function undisturbed(): Promise<string[][]> {
  const topics = new Topics(partitions);
  await session(open(topics), everything, { pieces: whole, killed: false });
  return topics.pages;
}

test('promise 1: kills, rebalances and stops change nothing of what is handed over', async () => {
  const expected = await undisturbed();
  expect(expected.flat().length).toBeGreaterThan(80);
  const sessions = fc.array(
    fc.record({
      builder: fc.nat(1),
      own: fc.subarray(everything),
      pieces: fc.array(fc.nat(6), { maxLength: 12 }),
      killed: fc.boolean(),
    }),
    { maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(sessions, async (plan) => {
      const topics = new Topics(partitions);
      const builders = [open(topics), open(topics)];
      for (const { builder, own, ...how } of plan) {
        await session(builders[builder]!, own, how);
        if (how.killed) builders[builder] = open(topics);
      }
      await session(open(topics), everything, { pieces: whole, killed: false });
      expect(topics.pages).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('of take-overs that wait for their turn only the newest fences', async () => {
  const topics = new Topics(partitions);
  const real = topics.handing();
  const fenced: (readonly number[])[] = [];
  const fence: Handing['fence'] = (own, isOver) => {
    fenced.push(own);
    return real.fence(own, isOver);
  };
  const builder = open(topics, { handing: { ...real, fence } });
  await Promise.all([builder.takeOver([0, 1]), builder.takeOver([1]), builder.takeOver([1, 2])]);
  expect(fenced).toEqual([[1, 2]]);
});

describe('a builder that was fenced', () => {
  const own = records.filter(({ partition }) => partition === 0).map(placed);

  test('hands over nothing, says so, and tells no offsets', async () => {
    const topics = new Topics(partitions);
    const fenced: number[] = [];
    const told: unknown[] = [];
    const first = open(topics, { fenced: (partition) => fenced.push(partition) });
    await first.takeOver([0]);
    await open(topics).takeOver([0]);
    await first.run(sourceOf(own, [8, 0, 8, 8], false), ({ offsets }) => told.push(offsets));
    expect(topics.pages[0]).toEqual([]);
    expect(fenced).toEqual([0]);
    expect(told).toEqual([{}, {}, {}]);
  });

  /** Is fenced before each transaction but the `spared` one, and takes over again as the owner would. */
  const fight = async (spared: number | null) => {
    const topics = new Topics(partitions);
    const other = open(topics);
    let fences = 0;
    const first = open(topics, { fenced: () => fences++ });
    const items = Array.from({ length: 2 * own.length }, (_, at) => (at % 2 === 0 ? own[at / 2]! : null));
    const source: Source = {
      ...sourceOf([], [], false),
      read: async () => {
        const item = items.shift();
        if (item === undefined) return null;
        if (item === null) return [];
        await first.takeOver([0]);
        if (items.length !== spared) await other.takeOver([0]);
        return [item];
      },
    };
    await first.run(source, () => {}).catch((error: unknown) => expect(error).toMatchObject(gaveUp));
    return fences;
  };
  const gaveUp = { code: 'KAFKA_FAILED', message: expect.stringContaining('partition 0 was taken') };

  test('time and again without a transaction between gives up, with an error', async () => {
    expect(own.length).toBeGreaterThan(11);
    expect(await fight(null)).toBe(5);
    expect(await fight(2 * own.length - 9)).toBe(9);
  });
});

test('letters are durable before the transaction; counts are of this process', async () => {
  const topics = new Topics(partitions);
  const done: string[] = [];
  const letters: DeadLetterFile = {
    append: async (found) => {
      if (found.length > 0) done.push(`${found.length} letters`);
      return 0;
    },
    close: async () => {},
  };
  const real = topics.handing();
  const hand: Handing['hand'] = async (partition, built) => {
    if (built.letters.length > 0) done.push('handed');
    return real.hand(partition, built);
  };
  const builder = open(topics, { letters, handing: { ...real, hand } });
  let counts = 0;
  const { offsets } = await builder.takeOver(everything);
  expect(offsets).toEqual({});
  await builder.run(sourceOf(records.map(placed), [20, 20], false), (durable) => {
    counts = durable.counts.records;
  });
  expect(counts).toBe(40);
  expect(done.slice(0, 2)).toEqual([expect.stringMatching(/letters$/), 'handed']);
  await builder.takeOver(everything);
  await builder.run(sourceOf(records.slice(40).map(placed), [5], false), (durable) => {
    counts = durable.counts.records;
  });
  expect(counts).toBe(45);
});

test('the state of a partition is read as it was left; what no builder wrote is refused', () => {
  const take = (key: SourceRecord['key'], value: SourceRecord['value']): Restored | null => {
    const reader = new StateReader();
    reader.take({ topic: 'state', partition: 0, offset: 7, key, value });
    return reader.restored();
  };
  expect(take('place', '[1,12,"11:5:0000beef","5e77"]')).toEqual({
    next: 12,
    fingerprint: '11:5:0000beef',
    settings: '5e77',
    entries: [],
  });
  expect(() => take('place', '[2,12,"x"]')).toThrow(/format 2, expected 1 at 0\/7/);
  expect(() => take('secret key', 'x')).toThrow(/a key that no builder writes/);
  expect(() => take(null, 'x')).toThrow(/a key that no builder writes/);
  const reader = new StateReader();
  const at = { topic: 'state', partition: 0, offset: 0 };
  reader.take({ ...at, key: 'place', value: '[1,1,"",""]' });
  reader.take({ ...at, key: 'sessions/4', value: 'first' });
  reader.take({ ...at, key: 'sessions/4', value: 'then' });
  reader.take({ ...at, key: 'orphans/2', value: 'gone' });
  reader.take({ ...at, key: 'orphans/2', value: null });
  expect(reader.restored()!.entries).toEqual([{ table: 'sessions', slot: 4, value: Buffer.from('then') }]);
});

test('state that was left with other settings is refused', async () => {
  const topics = new Topics(partitions);
  await session(open(topics), everything, { pieces: whole, killed: false });
  const other = open(topics, { config: journalConfig({}, { join: { window: '4m' } }) });
  await expect(other.takeOver([0])).rejects.toMatchObject({ code: 'JOURNAL_FOREIGN' });
});

test('documents of their own are refused', () => {
  expect(() => requireWholePages(tinyConfig())).not.toThrow();
  expect(() => requireWholePages(tinyConfig({ events: { preset: 'ubi' } }))).toThrow(/--role all/);
  expect(() => requireWholePages(tinyConfig({ topics: { documents: 'docs' } }))).toThrow(/topics\.documents/);
});
