// The journal without a disk, written from the words of the port: the second implementation that the
// conformance suite and the tests of ingest run on. Slow and simple: it keeps everything.
import { createHash } from 'node:crypto';
import type { Config } from '../../src/config.ts';
import type { Group } from '../../src/contract.ts';
import { assert, RestillError } from '../../src/errors.ts';
import { hash32 } from '../../src/hash.ts';
import { noCounts } from '../../src/streams/counts.ts';
import { encodeGroup } from '../../src/streams/journal-format.ts';
import type { Batch, IngestStatus, Journal } from '../../src/streams/ports.ts';
import type { StateEntry } from '../../src/streams/state.ts';

/** What survives when a journal is closed or its process killed. */
export interface MemoryStore {
  groups: Group[];
  status: IngestStatus;
  state: Map<string, StateEntry>;
}

export const emptyStore = (): MemoryStore => ({
  groups: [],
  status: {
    ...{ low: 0, high: 0, ended: false, contentHash: '0'.repeat(64), offsets: {}, counts: noCounts() },
    ...{ fingerprints: {}, topic: null, unplaced: 0, deadLetterBytes: 0, nextSequence: 0 },
  },
  state: new Map(),
});

export class MemoryJournal implements Journal {
  readonly #store: MemoryStore;
  readonly #config: Config;
  #made: number;
  #waiting: (() => void)[] = [];
  /** Called before a transaction; may throw to make it fail. */
  onCommit: (batch: Batch) => void = () => {};

  constructor(store: MemoryStore, config: Config) {
    this.#store = store;
    this.#config = config;
    this.#made = store.status.nextSequence;
  }

  status(): IngestStatus {
    return this.#store.status;
  }

  loadState(): Iterable<StateEntry> {
    return [...this.#store.state.values()];
  }

  async append(batch: Batch): Promise<void> {
    this.onCommit(batch);
    await Promise.resolve();
    const { groups, status, state } = this.#store;
    let { contentHash } = status;
    for (const group of batch.groups) {
      assert(group.sequence === this.#made, `group ${group.sequence} comes where ${this.#made} should`);
      this.#made++;
      const encoded = encodeGroup(group);
      const known = groups[group.sequence];
      if (known === undefined) {
        contentHash = createHash('sha256')
          .update(Buffer.from(contentHash, 'hex'))
          .update(encoded)
          .digest('hex');
        groups.push(group);
      } else if (!encodeGroup(known).equals(encoded))
        throw new RestillError('JOURNAL_FOREIGN', `group ${group.sequence} is there with another content`);
    }
    assert(groups.length - status.low <= this.#config.journal.ringMax, 'the groups do not fit into the ring');
    this.#store.status = { ...status, high: groups.length, contentHash };
    if (batch.effects === null) return;
    const { changes, ...effects } = batch.effects;
    for (const entry of changes) {
      const key = `${entry.table}/${entry.slot}`;
      if (entry.value === null) state.delete(key);
      else state.set(key, { ...entry, value: Buffer.from(entry.value) });
    }
    const fingerprints = { ...status.fingerprints, ...effects.fingerprints };
    this.#store.status = { ...this.#store.status, ...effects, fingerprints, nextSequence: this.#made };
  }

  capacity(): number {
    return this.#config.journal.ringMax - (this.#store.status.high - this.#store.status.low);
  }

  async room(groups: number): Promise<void> {
    while (this.capacity() < groups) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async retire(cursor: number): Promise<void> {
    const { status } = this.#store;
    assert(cursor <= status.high, `retire to ${cursor} of ${status.high}`);
    const low = Math.max(status.low, cursor - this.#config.journal.recentMax);
    this.#store.status = { ...status, low };
    for (const wake of this.#waiting.splice(0)) wake();
  }

  read(from: number, to: number): Group[] {
    const { low, high } = this.#store.status;
    assert(low <= from && from <= to && to <= high, `read [${from}, ${to}) of [${low}, ${high})`);
    return this.#store.groups.slice(from, to);
  }

  /** The k smallest by hash of all that left the ring, straight from the definition. */
  memory(): number[] {
    const rank = (sequence: number): number => hash32(`memory ${sequence}`, this.#config.seed);
    const left = Array.from({ length: this.#store.status.low }, (_, sequence) => sequence);
    left.sort((a, b) => rank(a) - rank(b) || a - b);
    return left.slice(0, this.#config.journal.memoryMax).sort((a, b) => a - b);
  }

  recall(sequences: readonly number[]): Group[] {
    const members = new Set(this.memory());
    return sequences.map((sequence) => {
      assert(members.has(sequence), `group ${sequence} is not in the memory`);
      return this.#store.groups[sequence]!;
    });
  }

  verify(): void {
    // Nothing can be damaged in memory.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
