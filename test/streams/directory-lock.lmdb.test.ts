// Invariants of directory-lock.lmdb.ts: one living process has a directory, a dead one is followed, and what
// it is used for stays.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockDirectory } from '../../src/streams/directory-lock.lmdb.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import type { JournalHost } from '../../src/streams/ports.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { journalConfig } from '../support/records.ts';

const host = (self: string, alive: readonly string[]): JournalHost => ({
  ...journalHost,
  self,
  isAlive: (described) => alive.includes(described),
});
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe('a data directory', () => {
  test('has one living process, whatever it does there', async () => {
    const directory = temporaryDirectory();
    const first = lockDirectory(directory, 'builder', host('first', []));
    const second = host('second', ['first']);
    expect(() => lockDirectory(directory, 'builder', second)).toThrow(/another process uses .*first/);
    expect(() => lockDirectory(directory, 'journal', second)).toThrow(code('JOURNAL_LOCKED'));
    await first.close();
    await lockDirectory(directory, 'builder', second).close();
  });

  test('is taken over from a dead one, which then takes nothing with it', async () => {
    const directory = temporaryDirectory();
    const first = lockDirectory(directory, 'builder', host('first', []));
    const second = lockDirectory(directory, 'builder', host('second', []));
    await first.close();
    expect(() => lockDirectory(directory, 'builder', host('third', ['second']))).toThrow(
      code('JOURNAL_LOCKED'),
    );
    await second.close();
  });

  test('stays what it is: a builder has no place beside a journal, nor the other way round', async () => {
    const builders = temporaryDirectory();
    await lockDirectory(builders, 'builder', journalHost).close();
    expect(() => lockDirectory(builders, 'journal', journalHost)).toThrow(code('JOURNAL_FOREIGN'));
    await lockDirectory(builders, 'builder', journalHost).close();
    const older = temporaryDirectory();
    await openJournal(join(older, 'journal'), { config: journalConfig(), host: journalHost }).close();
    expect(() => lockDirectory(older, 'builder', journalHost)).toThrow(code('JOURNAL_FOREIGN'));
    await lockDirectory(older, 'journal', journalHost).close();
  });
});
