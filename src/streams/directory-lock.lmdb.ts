// Whose a data directory is, in `lock/` of it. A builder keeps dead letters there, whoever has a journal
// keeps that and its own letters, cut to the length that the journal knows: one of them in the other's
// directory would lose letters without a word (promise 9), at the same time or later.
//
// Invariants:
// 1. Of processes that see each other one has the directory: asking and taking are one transaction. What is
//    not guaranteed for others is said in journal-host.fs.ts.
// 2. A dead process is followed without help; what the directory is used for stays.
import { type Database, open, type RootDatabase } from 'lmdb';
import { RestillError } from '../errors.ts';
import type { JournalHost } from './ports.ts';

export type DirectoryUse = 'journal' | 'builder';

export interface DirectoryLock {
  close(): Promise<void>;
}

interface Holder {
  readonly use: DirectoryUse;
  /** Null: nobody has it at present. */
  readonly owner: string | null;
}

/**
 * @param directory the data directory.
 * @throws RestillError JOURNAL_LOCKED while another process has it, JOURNAL_FOREIGN where it is used for
 *   something else, STORE_WRITE_FAILED
 */
export function lockDirectory(directory: string, use: DirectoryUse, host: JournalHost): DirectoryLock {
  const { root, holders } = openLock(`${directory}/lock`, host);
  const hold = (next: (found: Holder | undefined) => Holder | undefined): void =>
    root.transactionSync(() => {
      const holder = next(holders.get(holderKey));
      if (holder !== undefined) holders.putSync(holderKey, holder);
    });
  try {
    const hasJournal = host.inspect(`${directory}/journal`);
    hold((found) => {
      const owner = found?.owner ?? null;
      if (owner !== null && host.isAlive(owner)) throw locked(directory, owner);
      const used = hasJournal ? 'journal' : found?.use;
      if (used !== undefined && used !== use) throw foreign(directory, used, use);
      return { use, owner: host.self };
    });
  } catch (error) {
    void root.close();
    throw error;
  }
  return {
    async close() {
      hold((found) => (found?.owner === host.self ? { use, owner: null } : undefined));
      await root.close();
    },
  };
}

const holderKey = 'holder';

function openLock(path: string, host: JournalHost) {
  let root: RootDatabase | null = null;
  try {
    host.inspect(path);
    root = open({ path, noSubdir: false, maxDbs: 1, eventTurnBatching: false, overlappingSync: false });
    const holders: Database<Holder, string> = root.openDB<Holder, string>('holders', { encoding: 'json' });
    return { root, holders };
  } catch (cause) {
    void root?.close();
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot take ${path} to lock the data directory: ${(cause as Error).message}; make sure that it ` +
        'may be written, and where it is damaged remove it while nothing uses the directory',
      { cause },
    );
  }
}

const locked = (directory: string, owner: string): RestillError =>
  new RestillError(
    'JOURNAL_LOCKED',
    `another process uses the data directory ${directory} (${owner}); ` +
      'wait until it has ended, or give each process a directory of its own',
  );

const names: Readonly<Record<DirectoryUse, string>> = {
  journal: 'a journal (--role all, --role trainer, restill replay)',
  builder: 'the dead letters of a builder (--role builder)',
};

const foreign = (directory: string, used: DirectoryUse, wanted: DirectoryUse): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `the data directory ${directory} holds ${names[used]}, expected ${names[wanted]}; ` +
      'give each role a directory of its own',
  );
