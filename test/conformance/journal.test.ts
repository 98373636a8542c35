// The journal on disk and the one in memory do the same.

import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { emptyStore, MemoryJournal } from '../support/memory-journal.ts';
import { describeJournal } from './journal.ts';

describeJournal('in memory', () => {
  const store = emptyStore();
  return (config) => new MemoryJournal(store, config);
});

describeJournal('in LMDB', () => {
  const directory = temporaryDirectory();
  return (config) => openJournal(directory, { config, host: journalHost });
});
