// The journal in LMDB: the border between stream time and training time. One writer, any number of readers.
//
// Invariants:
// 1. Groups, state, offsets and counts of a batch are one transaction: after a kill all of it is there or
//    nothing (promise 1).
// 2. Sequence numbers are given once. A group below `high` that is appended again must be the one that is
//    there.
// 3. No group in [low, high) is overwritten (promise 5): slot = sequence mod journal.ring_max.
// 4. The memory is a function of [0, low) and the seed, and changes in `retire` only (promise 2).
// 5. Every value read is checked against its checksum and its place; a wrong one is named, never used.
// 6. Writing stops for good at the first transaction that fails, and when another process took the journal
//    over.
//
// What is known of lmdb-js 3.5.6 and followed here: nothing lives in the root database; slots are overwritten
// in place; a transaction has about 1,000 puts; a callback of `transaction` that throws does not undo its
// puts, so all that can fail comes before the first one; with event-turn batching a failed commit rejects a
// promise of its own that nobody can catch, so it is off; without overlapping sync a commit is on disk when
// it resolves.
// Not guaranteed: LMDB has no checksums of its own pages; a damaged page of its trees may crash the process.
import type { Config } from '../config.ts';
import type { Group } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { noCounts } from './counts.ts';
import * as format from './journal-format.ts';
import { type Identity, identityOf, requireIdentity } from './journal-identity.ts';
import { LmdbReader } from './journal-reader.lmdb.ts';
import {
  type DocumentKey,
  type JournalOptions,
  openTables,
  readMeta,
  segmentOf,
  type Table,
  type Tables,
} from './journal-tables.lmdb.ts';
import { type Memory, openMemory } from './memory.ts';
import type { Batch, IngestStatus, Journal, JournalHost } from './ports.ts';
import { SharedDocuments } from './shared-documents.ts';
import type { StateEntry } from './state.ts';

/**
 * Opens the journal in `directory` for writing; makes it where there is none.
 * @throws RestillError JOURNAL_LOCKED while another process writes to it, JOURNAL_FOREIGN, JOURNAL_DAMAGED,
 *   STORE_WRITE_FAILED
 */
export function openJournal(directory: string, options: JournalOptions): Journal {
  options.host.inspect(directory);
  const identity = identityOf(options.config);
  const tables = openTables(directory, false);
  try {
    const status = takeOver(tables, identity, options.host);
    return new LmdbJournal(tables, status, options);
  } catch (error) {
    void tables.root.close();
    throw error;
  }
}

/** Groups that one transaction of `retire` moves, with two puts each. */
const retiredMax = 400;
/** Documents that one transaction removes. */
const droppedMax = 900;

type Put = readonly [table: Table, slot: number, value: Buffer | null];
type DocumentPut = readonly [key: DocumentKey, value: Buffer];

class LmdbJournal implements Journal {
  readonly #tables: Tables;
  readonly #reader: LmdbReader;
  readonly #memory: Memory;
  readonly #sizes: Config['journal'];
  readonly #owner: string;
  readonly #documents: SharedDocuments;
  #status: IngestStatus;
  /**
   * Sequence number of the next group that the intake makes: below `high` while it makes again what was
   * written ahead.
   */
  #made: number;
  #failure: Error | null = null;
  /** The transaction at hand; appending and retiring take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: { readonly groups: number; readonly resolve: () => void }[] = [];

  constructor(tables: Tables, status: IngestStatus, { config, host }: JournalOptions) {
    this.#tables = tables;
    this.#sizes = config.journal;
    this.#documents = new SharedDocuments(config.records.documentsShared);
    this.#reader = new LmdbReader(tables, config.journal.ringMax);
    this.#memory = openMemory(
      { capacity: config.journal.memoryMax, seed: config.seed },
      this.#reader.members(),
    );
    this.#owner = host.self;
    this.#status = status;
    this.#made = status.nextSequence;
  }

  status(): IngestStatus {
    return this.#status;
  }

  read(from: number, to: number): Group[] {
    return this.#reader.read(from, to);
  }

  memory(): number[] {
    return this.#reader.memory();
  }

  recall(sequences: readonly number[]): Group[] {
    return this.#reader.recall(sequences);
  }

  verify(): void {
    this.#reader.verify();
  }

  loadState(): Iterable<StateEntry> {
    return this.#reader.state();
  }

  capacity(): number {
    return this.#sizes.ringMax - (this.#status.high - this.#status.low);
  }

  room(groups: number): Promise<void> {
    assert(groups <= this.#sizes.ringMax, `${groups} groups never fit into a ring of ${this.#sizes.ringMax}`);
    if (groups <= this.capacity()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ groups, resolve }));
  }

  append(batch: Batch): Promise<void> {
    return this.#inTurn(async () => {
      const { ringMax } = this.#sizes;
      const puts: Put[] = [];
      const documents: DocumentPut[] = [];
      let { high } = this.#status;
      let made = this.#made;
      let chain: Uint8Array = Buffer.from(this.#status.contentHash, 'hex');
      for (const group of batch.groups) {
        assert(group.sequence === made, `group ${group.sequence} comes where ${made} should`);
        made++;
        if (group.sequence < high) this.#requireSame(group);
        else {
          const slot = high++ % ringMax;
          const sealed = format.sealGroup(slot, group, this.#refer(group, documents), chain);
          chain = sealed.chain;
          puts.push([this.#tables.ring, slot, sealed.value]);
        }
      }
      this.#made = made;
      assert(high - this.#status.low <= ringMax, `${puts.length} groups do not fit into the ring`);
      const status = { ...this.#status, high, contentHash: Buffer.from(chain).toString('hex') };
      if (batch.effects === null) return this.#commit(status, puts, documents);
      const { changes, ...effects } = batch.effects;
      for (const { table, slot, value } of changes)
        puts.push([this.#tables.state[table], slot, value && format.seal(table, slot, value)]);
      const fingerprints = { ...this.#status.fingerprints, ...effects.fingerprints };
      return this.#commit({ ...status, ...effects, fingerprints, nextSequence: this.#made }, puts, documents);
    });
  }

  retire(cursor: number): Promise<void> {
    return this.#inTurn(async () => {
      assert(
        cursor <= this.#status.high,
        `retire to ${cursor}, but the journal ends at ${this.#status.high}`,
      );
      const target = Math.max(0, cursor - this.#sizes.recentMax);
      while (this.#status.low < target) await this.#retireSome(target);
      while (await this.#dropDocuments());
      const served = this.#waiting.filter(({ groups }) => groups <= this.capacity());
      this.#waiting = this.#waiting.filter(({ groups }) => groups > this.capacity());
      for (const { resolve } of served) resolve();
    });
  }

  async close(): Promise<void> {
    await this.#turn;
    const { root, meta } = this.#tables;
    if (this.#failure === null)
      await root.transaction(() => {
        if (readMeta<string>(this.#tables, 'owner') === this.#owner) void meta.remove('owner');
      });
    await root.close();
  }

  async #retireSome(target: number): Promise<void> {
    const { memory, members } = this.#tables;
    const kept = new Map<number, number>();
    let { low } = this.#status;
    for (; low < target && kept.size < retiredMax; low++) {
      const slot = this.#memory.offer(low);
      if (slot !== null) kept.set(slot, low);
    }
    const puts: Put[] = [];
    for (const [slot, sequence] of kept) {
      const payload = format.packMemory(this.#reader.group(sequence));
      puts.push([memory, slot, format.seal('memory', slot, payload)]);
      puts.push([members, slot, format.seal('members', slot, format.packMember(sequence))]);
    }
    await this.#commit({ ...this.#status, low }, puts);
  }

  /** Removes some of the documents that no group of the ring refers to any more; false when none is left. */
  async #dropDocuments(): Promise<boolean> {
    const { documents, root } = this.#tables;
    const end: DocumentKey = [segmentOf(this.#status.low, this.#sizes.ringMax), ''];
    const keys = [...documents.getKeys({ end, limit: droppedMax })];
    if (keys.length === 0) return false;
    await root.transaction(() => {
      for (const key of keys) void documents.remove(key);
    });
    return true;
  }

  /** The same records make the same groups: see invariant 2. */
  #requireSame(group: Group): void {
    const { sequence } = group;
    if (sequence < this.#status.low) return;
    if (format.encodeGroup(this.#reader.group(sequence)).equals(format.encodeGroup(group))) return;
    throw new RestillError(
      'JOURNAL_FOREIGN',
      `group ${sequence} is in the journal with another content: the recording is not the one the journal ` +
        'was made from; give that one, or another data directory',
    );
  }

  /** References to the group's documents; those that its segment does not hold yet join `puts`. */
  #refer({ sequence, results }: Group, puts: DocumentPut[]): string[] {
    const segment = segmentOf(sequence, this.#sizes.ringMax);
    return results.map((result) => {
      const stored = this.#documents.stored(result);
      if (stored.segment !== segment) {
        const key: DocumentKey = [segment, stored.reference];
        puts.push([key, format.seal('documents', `${key}`, stored.packed)]);
        stored.segment = segment;
      }
      return stored.reference;
    });
  }

  async #commit(
    status: IngestStatus,
    puts: readonly Put[],
    documents: readonly DocumentPut[] = [],
  ): Promise<void> {
    const { root, meta } = this.#tables;
    const value = format.seal('meta', 'status', format.packJson(status));
    try {
      await root.transaction(() => {
        const owner = readMeta<string>(this.#tables, 'owner');
        if (owner !== this.#owner) throw locked(String(owner));
        for (const [key, bytes] of documents) void this.#tables.documents.put(key, bytes);
        for (const [table, slot, bytes] of puts)
          if (bytes === null) void table.remove(slot);
          else void table.put(slot, bytes);
        void meta.put('status', value);
      });
    } catch (error) {
      throw await writeFailure(error);
    }
    this.#status = status;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (error) {
        // What is in memory may be ahead of what is on disk now.
        this.#failure = error as Error;
        throw error;
      }
    });
    // Whoever asked for the work gets its error; for the next turn only its end matters.
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** A failed commit rejects with a promise of its cause. */
async function writeFailure(error: unknown): Promise<RestillError> {
  if (error instanceof RestillError) return error;
  const { commitError } = error as { commitError?: Promise<unknown> };
  const cause = commitError === undefined ? error : await commitError.catch((reason: unknown) => reason);
  return new RestillError(
    'STORE_WRITE_FAILED',
    `the journal cannot be written: ${(cause as Error).message}; nothing of this transaction was kept; ` +
      'free disk space or repair the disk, then start again',
    { cause },
  );
}

/** Identity, lock and status in one transaction, so that of two processes that start together one gets it. */
function takeOver(tables: Tables, identity: Identity, host: JournalHost): IngestStatus {
  const { root, meta } = tables;
  return root.transactionSync(() => {
    const owner = readMeta<string>(tables, 'owner');
    if (owner !== null && host.isAlive(owner)) throw locked(owner);
    const found = readMeta<Identity>(tables, 'identity');
    if (found !== null) requireIdentity(found, identity);
    else {
      meta.putSync('identity', format.seal('meta', 'identity', format.packJson(identity)));
      meta.putSync('status', format.seal('meta', 'status', format.packJson(emptyStatus)));
    }
    meta.putSync('owner', format.seal('meta', 'owner', format.packJson(host.self)));
    const status = readMeta<IngestStatus>(tables, 'status');
    if (status === null) throw format.damaged('meta', 'status', 'missing');
    return status;
  });
}

const emptyStatus: IngestStatus = {
  low: 0,
  high: 0,
  ended: false,
  contentHash: format.chainStart.toString('hex'),
  offsets: {},
  counts: noCounts(),
  fingerprints: {},
  topic: null,
  unplaced: 0,
  deadLetterBytes: 0,
  nextSequence: 0,
};

const locked = (owner: string): RestillError =>
  new RestillError(
    'JOURNAL_LOCKED',
    `another process writes to this data directory (${owner}); ` +
      'wait until it has ended, or use another directory',
  );
