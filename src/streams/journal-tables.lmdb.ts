// The journal's named databases in LMDB, and checked access to them.
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { damaged, unseal } from './journal-format.ts';
import type { JournalHost } from './ports.ts';
import type { TableName } from './state.ts';

export interface JournalOptions {
  readonly config: Config;
  readonly host: JournalHost;
}

export type Table = Database<Buffer, number>;
/** Where a document is stored for the groups of one segment. */
export type DocumentKey = [segment: number, reference: string];

export interface Tables {
  readonly root: RootDatabase<Buffer, number>;
  readonly meta: Database<Buffer, string>;
  readonly ring: Table;
  readonly documents: Database<Buffer, DocumentKey>;
  readonly memory: Table;
  readonly members: Table;
  readonly state: Readonly<Record<TableName, Table>>;
}

export function openTables(directory: string, readOnly: boolean): Tables {
  let root: RootDatabase<Buffer, number> | null = null;
  try {
    root = open<Buffer, number>({
      path: directory,
      noSubdir: false,
      maxDbs: 16,
      eventTurnBatching: false,
      overlappingSync: false,
      readOnly,
    });
    return tablesOf(root);
  } catch (error) {
    void root?.close();
    throw openFailure(directory, readOnly, error);
  }
}

function tablesOf(root: RootDatabase<Buffer, number>): Tables {
  const table = (name: string): Table => root.openDB<Buffer, number>(name, { encoding: 'binary' });
  return {
    root,
    meta: root.openDB<Buffer, string>('meta', { encoding: 'binary' }),
    ring: table('ring'),
    documents: root.openDB<Buffer, DocumentKey>('documents', { encoding: 'binary' }),
    memory: table('memory'),
    members: table('members'),
    state: {
      impressions: table('state-impressions'),
      orphans: table('state-orphans'),
      sessions: table('state-sessions'),
      queries: table('state-queries'),
      propensity: table('state-propensity'),
      partitions: table('state-partitions'),
      documents: table('state-documents'),
      counts: table('state-counts'),
    },
  };
}

/**
 * The ring in parts whose groups share their stored documents: a part is let go as a whole. More parts would
 * store a document more often, fewer would keep more of those that no group needs any more.
 */
export const segmentOf = (sequence: number, ringMax: number): number =>
  Math.floor(sequence / Math.ceil(ringMax / 16));

/** LMDB's own errors are negative; positive ones come from the operating system. */
const isLmdbError = (error: unknown): error is Error => (error as { code?: number }).code! < 0;

function openFailure(directory: string, readOnly: boolean, cause: unknown): RestillError {
  const { message } = cause as Error;
  if (isLmdbError(cause))
    return new RestillError('JOURNAL_DAMAGED', `the journal in ${directory} is damaged: ${message}`, {
      cause,
    });
  if (readOnly)
    return new RestillError('STORE_READ_FAILED', `cannot read the journal in ${directory}: ${message}`, {
      cause,
    });
  return new RestillError(
    'STORE_WRITE_FAILED',
    `cannot open the journal in ${directory} for writing: ${message}; make sure that it may be written`,
    { cause },
  );
}

export const noJournal = (directory: string): RestillError =>
  new RestillError('STORE_READ_FAILED', `there is no journal in ${directory}; ingest makes one`);

export function readMeta<T>({ meta }: Tables, key: string): T | null {
  const value = readValue(meta, 'meta', key);
  return value && (JSON.parse(unseal('meta', key, value).toString('utf8')) as T);
}

/** The value as a view that the next read overwrites. */
export function readValue<K extends string | number | DocumentKey>(
  table: Database<Buffer, K>,
  area: string,
  slot: K,
): Buffer | null {
  try {
    return table.getBinaryFast(slot) ?? null;
  } catch (error) {
    if (!isLmdbError(error)) throw error;
    throw damaged(area, `${slot}`, error.message, error);
  }
}
