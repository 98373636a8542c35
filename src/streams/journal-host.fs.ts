// What the journal needs to know of the machine: which process this is, whether another one still runs, and
// whether the data file can be mapped without crashing.
import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { RestillError } from '../errors.ts';
import type { JournalHost } from './ports.ts';

/**
 * The lock's rule: the journal belongs to the process it names (boot, pid, start time) until that process
 * removes the name or has ended. A pid that was given again has another start time, a machine that was
 * started again another boot id.
 * Not guaranteed: processes that do not see each other (containers with pid namespaces of their own, machines
 * that share a file system). Then the later one wins, and the earlier one notices at its next transaction.
 */
export const journalHost: JournalHost = {
  self: describe(process.pid) ?? `pid ${process.pid}`,
  isAlive: (described) => {
    const pid = /pid (\d+)/.exec(described)?.[1];
    return pid !== undefined && (describe(Number(pid)) ?? signalled(Number(pid))) === described;
  },
  inspect,
};

/** `boot <id> pid <pid> start <clock ticks>`; null where there is no such process, or no /proc. */
function describe(pid: number): string | null {
  const boot = readProc('sys/kernel/random/boot_id');
  const stat = readProc(`${pid}/stat`);
  if (boot === null || stat === null) return null;
  // The second field, the program's name, may hold anything; the last parenthesis ends it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? null : `boot ${boot.trim()} pid ${pid} start ${start}`;
}

function readProc(path: string): string | null {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    // No such process, or a system without /proc.
    return null;
  }
}

/** The description on systems without /proc, where only the pid tells processes apart. */
function signalled(pid: number): string | null {
  if (readProc('self/stat') !== null) return null;
  try {
    process.kill(pid, 0);
    return `pid ${pid}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? `pid ${pid}` : null;
  }
}

// The two meta pages at the beginning of a data file of lmdb-js 3.5.6 (its LMDB is not the stock one).
const magic = 0xbeefc0de;
const at = { magic: 24, pageBytes: 48, lastPage: 144, transaction: 152 } as const;
const metaBytes = 160;

function inspect(directory: string): boolean {
  const path = join(directory, 'data.mdb');
  let bytes: number;
  try {
    bytes = statSync(path).size;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new RestillError('STORE_WRITE_FAILED', `cannot use ${directory} for the journal: ${message}`, {
      cause,
    });
  }
  // Killed while it was made: LMDB makes it again.
  if (bytes === 0) return false;
  const first = readMeta(path, 0);
  const pageBytes = first.readUInt32LE(at.pageBytes);
  const second = readMeta(path, pageBytes);
  for (const meta of [first, second])
    if (meta.readUInt32LE(at.magic) !== magic) throw damagedFile(path, 'its head is not that of a journal');
  const newest =
    first.readBigUInt64LE(at.transaction) > second.readBigUInt64LE(at.transaction) ? first : second;
  const expected = (Number(newest.readBigUInt64LE(at.lastPage)) + 1) * pageBytes;
  // Touching a page that is not there ends the process with SIGBUS; a page of zeros is an error with a name.
  // Pages at the end may rightly be missing where nothing was ever written to them.
  if (bytes < expected) truncateSync(path, expected);
  return true;
}

function readMeta(path: string, position: number): Buffer {
  const meta = Buffer.alloc(metaBytes);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, meta, 0, metaBytes, position) === metaBytes) return meta;
  } finally {
    closeSync(file);
  }
  throw damagedFile(path, 'it is cut off');
}

const damagedFile = (path: string, why: string): RestillError =>
  new RestillError(
    'JOURNAL_DAMAGED',
    `${path} is damaged: ${why}; replay the recording into another data directory, and check the disk`,
  );
