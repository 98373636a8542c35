// Reading the journal: groups by sequence number, the memory, the state. Also what the writer reads by.
import type { Group } from '../contract.ts';
import { assert } from '../errors.ts';
import * as format from './journal-format.ts';
import { type Identity, identityOf, requireIdentity } from './journal-identity.ts';
import {
  type DocumentKey,
  type JournalOptions,
  noJournal,
  openTables,
  readMeta,
  readValue,
  segmentOf,
  type Tables,
} from './journal-tables.lmdb.ts';
import type { Member } from './memory.ts';
import type { IngestStatus, VerifiedReader } from './ports.ts';
import type { StateEntry, TableName } from './state.ts';

/**
 * Opens the journal for reading, while a writer may be at work in another process. What the writer has made
 * durable is seen by the next call of `status`.
 * @throws RestillError JOURNAL_FOREIGN, JOURNAL_DAMAGED, STORE_READ_FAILED
 */
export function openJournalReader(directory: string, options: JournalOptions): VerifiedReader {
  if (!options.host.inspect(directory)) throw noJournal(directory);
  const tables = openTables(directory, true);
  try {
    const identity = readMeta<Identity>(tables, 'identity');
    if (identity === null) throw noJournal(directory);
    requireIdentity(identity, identityOf(options.config));
    return new LmdbReader(tables, identity.ringMax);
  } catch (error) {
    void tables.root.close();
    throw error;
  }
}

export class LmdbReader implements VerifiedReader {
  readonly #tables: Tables;
  readonly #ringMax: number;
  /** Slots of the memory by sequence number, as of `low`. */
  #members: { readonly low: number; readonly slots: ReadonlyMap<number, number> } | null = null;

  constructor(tables: Tables, ringMax: number) {
    this.#tables = tables;
    this.#ringMax = ringMax;
  }

  status(): IngestStatus {
    this.#tables.root.resetReadTxn();
    const status = readMeta<IngestStatus>(this.#tables, 'status');
    if (status === null) throw format.damaged('meta', 'status', 'missing');
    return status;
  }

  read(from: number, to: number): Group[] {
    const { low, high } = this.status();
    assert(low <= from && from <= to && to <= high, `read [${from}, ${to}) of a ring with [${low}, ${high})`);
    return Array.from({ length: to - from }, (_, i) => this.group(from + i));
  }

  memory(): number[] {
    return [...this.#slots().keys()].sort((a, b) => a - b);
  }

  recall(sequences: readonly number[]): Group[] {
    const slots = this.#slots();
    return sequences.map((sequence) => {
      const slot = slots.get(sequence);
      assert(slot !== undefined, `group ${sequence} is not in the memory`);
      const group = format.unpackMemory(this.#payload('memory', slot));
      requireSequence(group.sequence, 'memory', slot, sequence);
      return group;
    });
  }

  verify(): void {
    const { low, high, contentHash } = this.status();
    let chain: Buffer | null = low === 0 ? format.chainStart : null;
    for (let sequence = low; sequence < high; sequence++) {
      const slot = sequence % this.#ringMax;
      const parts = format.splitGroup(this.#payload('ring', slot));
      if (chain !== null && !format.link(chain, parts.encoded).equals(parts.chain))
        throw format.damaged('ring', slot, `the hash chain breaks at group ${sequence}`);
      chain = Buffer.from(parts.chain);
      this.group(sequence);
    }
    if (chain !== null && chain.toString('hex') !== contentHash)
      throw format.damaged('ring', high % this.#ringMax, 'the hash chain does not end in the content hash');
    this.recall(this.memory());
    for (const _ of this.state());
  }

  close(): Promise<void> {
    return this.#tables.root.close();
  }

  members(): Member[] {
    const members: Member[] = [];
    for (const { key: slot, value } of this.#tables.members.getRange())
      members.push({ slot, sequence: format.unpackMember(format.unseal('members', slot, value)) });
    return members;
  }

  *state(): Iterable<StateEntry> {
    for (const [name, table] of Object.entries(this.#tables.state))
      for (const { key: slot, value } of table.getRange())
        yield { table: name as TableName, slot, value: format.unseal(name, slot, Buffer.from(value)) };
  }

  /** The group of the ring with that number, which must be in it. */
  group(sequence: number): Group {
    const slot = sequence % this.#ringMax;
    const { encoded } = format.splitGroup(this.#payload('ring', slot));
    const segment = segmentOf(sequence, this.#ringMax);
    requireSequence(format.sequenceOf(encoded), 'ring', slot, sequence);
    return format.decodeGroup(encoded, (reference) => this.#document(segment, reference));
  }

  #document(segment: number, reference: string): format.DocumentTexts {
    const key: DocumentKey = [segment, reference];
    const value = readValue(this.#tables.documents, 'documents', key);
    if (value === null) throw format.damaged('documents', `${key}`, 'missing');
    return format.unpackDocument(format.unseal('documents', `${key}`, value));
  }

  /** A view that the next read overwrites. */
  #payload(area: 'ring' | 'memory', slot: number): Buffer {
    const value = readValue(this.#tables[area], area, slot);
    if (value === null) throw format.damaged(area, slot, 'missing');
    return format.unseal(area, slot, value);
  }

  #slots(): ReadonlyMap<number, number> {
    const { low } = this.status();
    if (this.#members?.low !== low)
      this.#members = { low, slots: new Map(this.members().map(({ slot, sequence }) => [sequence, slot])) };
    return this.#members.slots;
  }
}

function requireSequence(found: number, area: string, slot: number, expected: number): void {
  if (found !== expected) throw format.damaged(area, slot, `holds group ${found}, expected ${expected}`);
}
