// Promise 5: while the ring is nearly full, which groups are kept follows from the group alone, a larger
// share keeps a superset, and every group that is not kept is counted. Whether groups are shed changes
// between two bounds, at drains, and not while groups that were written ahead have not all been made again:
// killed at any transaction and started again, ingest makes the groups that it made before. By default
// nothing is shed.
import fc from 'fast-check';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { openIngest } from '../../src/streams/ingest.rx.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import type { Journal, Source } from '../../src/streams/ports.ts';
import { Shedding } from '../../src/streams/shedding.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { emptyStore, MemoryJournal, type MemoryStore } from '../support/memory-journal.ts';
import { journalConfig, placed, topicOf } from '../support/records.ts';

const configOf = (journal: object): Config => journalConfig({ ring_max: 100, ...journal });
const shedding = { when_full: 'shed', shed_above: 0.5, shed_keep: 0.15 };
const config = configOf(shedding);

/** One that sheds. */
function full(of: Config = config): Shedding {
  const shed = new Shedding(of, []);
  shed.look({ low: 0, high: 100 }, 100);
  return shed;
}
const ids = Array.from({ length: 2_000 }, (_, at) => `impression-${at}`);
const keptBy = (shed: Shedding): string[] => ids.filter((id) => shed.keeps(id));

describe('the choice', () => {
  test('keeps the share that is configured, of everything when there is room', () => {
    expect(keptBy(new Shedding(config, []))).toEqual(ids);
    const share = keptBy(full()).length / ids.length;
    expect(share).toBeGreaterThan(0.12);
    expect(share).toBeLessThan(0.18);
  });

  test('is a function of the group: the same in every process, a superset for a larger share', () => {
    const kept = keptBy(full());
    expect(keptBy(full())).toEqual(kept);
    const more = new Set(keptBy(full(configOf({ ...shedding, shed_keep: 0.6 }))));
    expect(kept.filter((id) => !more.has(id))).toEqual([]);
    expect(more.size).toBeGreaterThan(kept.length);
  });

  test('is not made by default', () => {
    expect(keptBy(full(configOf({})))).toEqual(ids);
  });
});

describe('whether groups are shed', () => {
  const shedsAfter = (...fills: readonly number[]): boolean => {
    const shed = new Shedding(config, []);
    for (const fill of fills) shed.look({ low: 7, high: 7 + fill }, 7 + fill);
    return keptBy(shed).length < ids.length;
  };

  test('begins at journal.shed_above and ends below half of it', () => {
    expect(shedsAfter(49)).toBe(false);
    expect(shedsAfter(50)).toBe(true);
    expect(shedsAfter(50, 25)).toBe(true);
    expect(shedsAfter(50, 24)).toBe(false);
    expect(shedsAfter(50, 24, 49)).toBe(false);
  });

  test('stays as it was until what was written ahead has been made again', () => {
    const shed = full();
    shed.look({ low: 90, high: 100 }, 95);
    expect(keptBy(shed).length).toBeLessThan(ids.length);
    shed.look({ low: 90, high: 100 }, 100);
    expect(keptBy(shed)).toEqual(ids);
  });

  test('is in what a drain leaves, when it has changed', () => {
    const shed = full();
    const changes: StateEntry[] = [];
    shed.drain(changes);
    expect(changes).toHaveLength(1);
    shed.drain(changes);
    expect(changes).toHaveLength(1);
    expect(keptBy(new Shedding(config, changes))).toEqual(keptBy(full()));
  });
});

const pages = 300;
const records = topicOf(pages, 1);

async function ingest(store: MemoryStore, failAt = Number.POSITIVE_INFINITY): Promise<void> {
  const journal = new MemoryJournal(store, config);
  let commits = 0;
  journal.onCommit = () => {
    if (++commits === failAt) throw new Error('killed');
  };
  await ingestInto(journal);
}

async function ingestInto(journal: Journal): Promise<void> {
  let read = false;
  const source: Source = {
    ...{ kind: 'recorded', inputs: 1, close: () => Promise.resolve() },
    read: () => {
      const items = read ? null : records.map(placed);
      read = true;
      return Promise.resolve(items);
    },
    progress: () => ({ bytesRead: 0, bytesTotal: 0 }),
  };
  const deadLetters = { append: () => Promise.resolve(0), close: () => Promise.resolve() };
  await lastValueFrom(openIngest({ config, source, journal, deadLetters }).progress$);
}

test('a topic that is longer than the ring comes to its end, with every group counted', async () => {
  const store = emptyStore();
  await ingest(store);
  const { counts, high } = store.status;
  expect(high).toBeGreaterThan(50);
  expect(high).toBeLessThanOrEqual(100);
  expect(counts).toMatchObject({ impressions: pages, groups: high, shed: pages - high });
  const shed = full();
  // Those after the first that was shed are those that the rule keeps.
  const late = store.groups.filter(({ sequence }) => sequence >= 60).map(({ impressionId }) => impressionId);
  expect(late.length).toBeGreaterThan(10);
  expect(late.filter((id) => !shed.keeps(id))).toEqual([]);
});

test('the same on disk', async () => {
  const whole = emptyStore();
  await ingest(whole);
  const journal = openJournal(temporaryDirectory(), { config, host: journalHost });
  await ingestInto(journal);
  const { contentHash, counts } = journal.status();
  const saved = new Shedding(config, [...journal.loadState()]);
  await journal.close();
  expect({ contentHash, counts }).toEqual({
    contentHash: whole.status.contentHash,
    counts: whole.status.counts,
  });
  expect(keptBy(saved)).toEqual(keptBy(full()));
});

test('killed at any transaction, it comes to the same', async () => {
  const whole = emptyStore();
  await ingest(whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 }), async (kills) => {
      const store = emptyStore();
      for (const kill of kills) await ingest(store, kill).catch(() => {});
      await ingest(store);
      expect(store.groups).toEqual(whole.groups);
      expect(store.status).toEqual(whole.status);
    }),
    { numRuns: 15 },
  );
});
