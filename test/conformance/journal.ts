// What every journal does, on disk or not. The numbers cite the invariants of src/streams/journal.lmdb.ts.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { Group } from '../../src/contract.ts';
import { hash32 } from '../../src/hash.ts';
import { encodeGroup } from '../../src/streams/journal-format.ts';
import type { Journal } from '../../src/streams/ports.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { effectsOf, entry, groupsFrom } from '../support/batches.ts';
import { groupOf } from '../support/groups.ts';
import { journalConfig } from '../support/records.ts';

/** Opens the same journal again and again; `close` is the caller's. */
export type Opener = (config: Config) => Promise<Journal> | Journal;

const text = (entries: Iterable<StateEntry>): string[] =>
  [...entries].map(({ table, slot, value }) => `${table}/${slot}=${Buffer.from(value!).toString()}`).sort();

/** @param makeOpener a new, empty journal for each test. */
export function describeJournal(name: string, makeOpener: () => Opener): void {
  const config = journalConfig();

  describe(name, () => {
    it('1: gives back what a batch left: groups, state, offsets, counts', async () => {
      const open = makeOpener();
      let journal = await open(config);
      expect(journal.status()).toMatchObject({ low: 0, high: 0, ended: false, topic: null, offsets: {} });
      const groups = groupsFrom(0, 5);
      await journal.append({ groups, effects: effectsOf(17, [entry('sessions', 3, 'a')]) });
      for (let time = 0; time < 2; time++) {
        expect(journal.read(0, 5)).toEqual(groups);
        expect(journal.status()).toMatchObject({ high: 5, topic: 'clicks', offsets: { 'clicks/0': 17 } });
        expect(journal.status().counts.records).toBe(17);
        expect(text(journal.loadState())).toEqual(['sessions/3=a']);
        journal = await reopened(journal, open, config);
      }
      await journal.close();
    });

    it('1: keeps the last value of each slot; null frees it', async () => {
      const open = makeOpener();
      let journal = await open(config);
      const steps = [
        [entry('sessions', 0, 'a'), entry('queries', 0, 'b'), entry('impressions', 7, 'c')],
        [entry('sessions', 0, 'd'), entry('impressions', 7, null), entry('orphans', 9, null)],
      ];
      for (const changes of steps) await journal.append({ groups: [], effects: effectsOf(1, changes) });
      journal = await reopened(journal, open, config);
      expect(text(journal.loadState())).toEqual(['queries/0=b', 'sessions/0=d']);
      await journal.close();
    });

    it('1: chains every group into the content hash, however they were batched', async () => {
      const chain = (groups: readonly Group[]): string =>
        groups
          .reduce(
            (before, group) => createHash('sha256').update(before).update(encodeGroup(group)).digest(),
            Buffer.alloc(32),
          )
          .toString('hex');
      for (const size of [1, 3, 10]) {
        const journal = await makeOpener()(config);
        for (let from = 0; from < 10; from += size)
          await journal.append({
            groups: groupsFrom(from, Math.min(10, from + size)),
            effects: effectsOf(1),
          });
        expect(journal.status().contentHash).toBe(chain(groupsFrom(0, 10)));
        journal.verify();
        await journal.close();
      }
    });

    it('2: takes again what was written ahead, and refuses another content', async () => {
      const open = makeOpener();
      let journal = await open(config);
      await journal.append({ groups: groupsFrom(0, 2), effects: effectsOf(2) });
      await journal.append({ groups: groupsFrom(2, 6), effects: null });
      const { contentHash } = journal.status();
      expect(journal.status()).toMatchObject({ high: 6, nextSequence: 2, offsets: { 'clicks/0': 2 } });

      journal = await reopened(journal, open, config);
      expect(journal.status()).toMatchObject({ high: 6, nextSequence: 2 });
      // Cut at another place than the first time.
      await journal.append({ groups: groupsFrom(2, 5), effects: effectsOf(5) });
      expect(journal.status()).toMatchObject({ high: 6, nextSequence: 5, contentHash });
      await journal.append({ groups: groupsFrom(5, 8), effects: effectsOf(8) });
      expect(journal.status()).toMatchObject({ high: 8, nextSequence: 8 });
      expect(journal.read(0, 8)).toEqual(groupsFrom(0, 8));
      await journal.append({ groups: groupsFrom(8, 9), effects: null });

      journal = await reopened(journal, open, config);
      const other = [groupOf(8, { query: 'not what was there' })];
      await expect(journal.append({ groups: other, effects: effectsOf(9) })).rejects.toMatchObject({
        code: 'JOURNAL_FOREIGN',
      });
      await journal.close();
    });

    it('3: never overwrites [low, high): counts the room, and gives it back by retiring only', async () => {
      const journal = await makeOpener()(config);
      await journal.append({ groups: groupsFrom(0, 20), effects: effectsOf(1) });
      expect(journal.capacity()).toBe(0);
      let gotRoom = false;
      const waiting = journal.room(4).then(() => {
        gotRoom = true;
      });
      // recent_max is 3: these three stay, so nothing is freed.
      await journal.retire(3);
      await journal.retire(6);
      await Promise.resolve();
      expect([journal.capacity(), gotRoom]).toEqual([3, false]);
      await journal.retire(7);
      await waiting;
      expect(journal.status()).toMatchObject({ low: 4, high: 20 });
      await journal.append({ groups: groupsFrom(20, 24), effects: effectsOf(2) });
      expect(journal.read(4, 24)).toEqual(groupsFrom(4, 24));
      expect(() => journal.read(3, 5)).toThrow(/BUG|bug/);
      await journal.close();
    });

    it('3: refuses groups that do not fit, and keeps what is there', async () => {
      const open = makeOpener();
      const journal = await open(config);
      await journal.append({ groups: groupsFrom(0, 18), effects: effectsOf(1) });
      await expect(
        journal.append({ groups: groupsFrom(18, 21), effects: effectsOf(2) }),
      ).rejects.toMatchObject({
        code: 'BUG',
      });
      await journal.close();
    });

    it('4: remembers the k smallest by hash of all that left, however retiring was cut up', async () => {
      const rank = (sequence: number): number => hash32(`memory ${sequence}`, config.seed);
      const smallest = Array.from({ length: 57 }, (_, sequence) => sequence)
        .sort((a, b) => rank(a) - rank(b))
        .slice(0, 6)
        .sort((a, b) => a - b);
      const cuts = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(cuts, async (steps) => {
          const open = makeOpener();
          let journal = await open(config);
          for (let high = 0, at = 0; high < 60; at++) {
            const next = Math.min(60, high + steps[at % steps.length]!);
            await journal.append({ groups: groupsFrom(high, next), effects: effectsOf(next) });
            high = next;
            await journal.retire(high);
            await journal.retire(high - 1); // Idempotent, and never back.
            if (at % 3 === 2) journal = await reopened(journal, open, config);
          }
          expect(journal.status().low).toBe(57);
          expect(journal.memory()).toEqual(smallest);
          expect(journal.recall([...smallest].reverse())).toEqual(
            [...smallest].reverse().flatMap((sequence) => groupsFrom(sequence, sequence + 1)),
          );
          journal.verify();
          await journal.close();
        }),
        { numRuns: 8 },
      );
    });
  });
}

async function reopened(journal: Journal, open: Opener, config: Config): Promise<Journal> {
  await journal.close();
  return open(config);
}
