// Documents in the journal: stored once for the groups of a segment of the ring, gone with it.
import { open } from 'lmdb';
import { expect, it } from 'vitest';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { type DocumentKey, segmentOf } from '../../src/streams/journal-tables.lmdb.ts';
import { effectsOf, groupsFrom } from '../support/batches.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { groupOf } from '../support/groups.ts';
import { journalConfig } from '../support/records.ts';

/** Segments of the documents stored, one entry a document. */
async function storedIn(directory: string): Promise<number[]> {
  const root = open<Buffer, number>({ path: directory, noSubdir: false, maxDbs: 16, overlappingSync: false });
  const documents = root.openDB<Buffer, DocumentKey>('documents', { encoding: 'binary' });
  const segments = [...documents.getKeys()].map(([segment]) => segment);
  await root.close();
  return segments;
}

it('a ring has sixteen segments, or one for each group', () => {
  expect([0, 1, 2, 39, 40].map((sequence) => segmentOf(sequence, 20))).toEqual([0, 0, 1, 19, 20]);
  expect([0, 6_249, 6_250, 100_000].map((sequence) => segmentOf(sequence, 100_000))).toEqual([0, 0, 1, 16]);
  expect([0, 1, 5].map((sequence) => segmentOf(sequence, 3))).toEqual([0, 1, 5]);
});

it('a document is stored once per segment, and goes with it; the memory keeps its own', async () => {
  const directory = temporaryDirectory();
  const journal = openJournal(directory, { config: journalConfig(), host: journalHost });
  const { results } = groupOf(0);
  const groups = groupsFrom(0, 20).map((group) => ({ ...group, results }));
  await journal.append({ groups: groups.slice(0, 7), effects: effectsOf(7) });
  await journal.append({ groups: groups.slice(7), effects: effectsOf(20) });
  const perSegment = (from: number): number[] =>
    Array.from({ length: 10 - from }, (_, i) => results.map(() => from + i)).flat();
  expect(await storedIn(directory)).toEqual(perSegment(0));
  expect(journal.read(0, 20)).toEqual(groups);
  await journal.retire(14); // Three recent ones stay: the ring begins with group 11, in segment 5.
  expect(await storedIn(directory)).toEqual(perSegment(5));
  expect(journal.read(11, 20)).toEqual(groups.slice(11));
  expect(journal.recall(journal.memory())).toEqual(journal.memory().map((sequence) => groups[sequence]));
  journal.verify();
  await journal.close();
});
