// A bounded map in insertion order that knows which of its entries changed since the last drain.
//
// Invariants:
// 1. At most `capacity` entries. Making room is the caller's decision; adding to a full table is a bug.
// 2. An entry has no slot until a drain sees it and keeps that slot until it is removed. Slots lie in
//    [base, base + capacity) and freed ones are used again first, so that the journal overwrites in place.
//    (Insertion number modulo capacity would be simpler, but would push out an old entry too early.)
// 3. A drain names each slot at most once, and never names an entry that was made and removed since the last
//    one.
// 4. A table loaded from everything drained so far holds the same keys, values and order as the drained one.
import { Chain, type Link } from '../chain.ts';
import { assert, RestillError } from '../errors.ts';
import type { StateEntry, TableName } from './state.ts';

/** First field of every value. A reader refuses any other. */
const version = 1;

/** What the drains so far have left in the journal. */
export interface Saved {
  /** All entries of all tables, in any order. */
  readonly entries: readonly StateEntry[];
  /** By layout name, `next` of the table that was saved. */
  readonly next: Readonly<Record<string, number>>;
}

export interface Layout<V> {
  readonly name: string;
  readonly table: TableName;
  /** First slot; several slot tables can share one named table. */
  readonly base: number;
  readonly capacity: number;
  /** What of a value is stored: anything that JSON keeps as it is. */
  readonly pack: (value: V) => readonly unknown[];
  readonly unpack: (fields: readonly unknown[]) => V;
}

export interface Entry<V> {
  readonly key: string;
  readonly value: V;
  /** Ascends from the oldest entry to the newest; never used twice in a table. */
  readonly order: number;
}

class Slotted<V> implements Entry<V>, Link<Slotted<V>> {
  readonly key: string;
  readonly value: V;
  order: number;
  /** Relative to `base`; -1 until a drain has seen the entry. */
  slot: number;
  /** Where it stands among those that changed since the last drain; -1: it did not. */
  dirtyAt = -1;
  live = true;
  older: Slotted<V> | null = null;
  younger: Slotted<V> | null = null;

  constructor(key: string, value: V, order: number, slot = -1) {
    this.key = key;
    this.value = value;
    this.order = order;
    this.slot = slot;
  }
}

export class SlotTable<V> {
  readonly #layout: Layout<V>;
  readonly #entries = new Map<string, Slotted<V>>();
  readonly #ages = new Chain<Slotted<V>>();
  #dirty: Slotted<V>[] = [];
  /** Slots of entries removed since the last drain: still written in the journal. */
  #freed: number[] = [];
  #free: number[] = [];
  /** No slot from here on was ever used. */
  #fresh = 0;
  #next = 0;

  /** @throws RestillError JOURNAL_FOREIGN if a value was written in another format. */
  constructor(layout: Layout<V>, saved: Saved) {
    this.#layout = layout;
    const entries: Slotted<V>[] = [];
    for (const { table, slot, value } of saved.entries)
      if (
        table === layout.table &&
        slot >= layout.base &&
        slot < layout.base + layout.capacity &&
        value !== null
      )
        entries.push(this.#decode(slot, value));
    entries.sort((a, b) => a.order - b.order);
    for (const entry of entries) this.#append(entry);
    assert(this.#entries.size === entries.length, `${layout.name} was saved with one key twice`);
    this.#next = Math.max(saved.next[layout.name] ?? 0, (entries.at(-1)?.order ?? -1) + 1);
    const used = new Set(entries.map((entry) => entry.slot));
    for (const slot of used) this.#fresh = Math.max(this.#fresh, slot + 1);
    for (let slot = this.#fresh - 1; slot >= 0; slot--) if (!used.has(slot)) this.#free.push(slot);
  }

  get name(): string {
    return this.#layout.name;
  }

  get size(): number {
    return this.#entries.size;
  }

  get full(): boolean {
    return this.#entries.size >= this.#layout.capacity;
  }

  /** Order of the entry that will be added next: to be saved beside the entries. */
  get next(): number {
    return this.#next;
  }

  get(key: string): Entry<V> | undefined {
    return this.#entries.get(key);
  }

  /** The least recently added or renewed entry. */
  get oldest(): Entry<V> | undefined {
    return this.#ages.oldest ?? undefined;
  }

  /** From the oldest to the newest. */
  entries(): IterableIterator<Entry<V>> {
    return this.#entries.values();
  }

  add(key: string, value: V): Entry<V> {
    assert(!this.full, 'an entry was added to a full table');
    const { size } = this;
    const entry = new Slotted(key, value, this.#next++);
    this.#append(entry);
    assert(this.size > size, 'a key was added to a table that has it');
    this.changed(entry);
    return entry;
  }

  /** The value was changed in place. */
  changed(entry: Entry<V>): void {
    const slotted = entry as Slotted<V>;
    assert(slotted.live, 'an entry was meant that has left its table');
    if (slotted.dirtyAt < 0) slotted.dirtyAt = this.#dirty.push(slotted) - 1;
  }

  /** Whether as many entries as half the capacity were added or renewed since this one was. */
  ageing(entry: Entry<V>): boolean {
    return (this.#next - entry.order) * 2 > this.#layout.capacity;
  }

  /** Makes the entry the newest. */
  renew(entry: Entry<V>): void {
    this.changed(entry);
    const slotted = entry as Slotted<V>;
    slotted.order = this.#next++;
    this.#delete(slotted);
    this.#append(slotted);
  }

  remove(entry: Entry<V>): void {
    const slotted = entry as Slotted<V>;
    assert(slotted.live, 'an entry was meant that has left its table');
    slotted.live = false;
    this.#delete(slotted);
    this.#forgetChange(slotted);
    if (slotted.slot >= 0) this.#freed.push(slotted.slot);
  }

  /** Appends the slots that changed since the last drain to `changes`. */
  drain(changes: StateEntry[]): void {
    const { name, table, base, capacity } = this.#layout;
    for (const entry of this.#dirty) {
      entry.dirtyAt = -1;
      if (entry.slot < 0) entry.slot = this.#freed.pop() ?? this.#free.pop() ?? this.#fresh++;
      assert(entry.slot < capacity, `${name} ran out of slots`);
      changes.push({ table, slot: base + entry.slot, value: this.#encode(entry) });
    }
    for (const slot of this.#freed) {
      changes.push({ table, slot: base + slot, value: null });
      this.#free.push(slot);
    }
    this.#dirty = [];
    this.#freed = [];
  }

  #append(entry: Slotted<V>): void {
    this.#entries.set(entry.key, entry);
    this.#ages.append(entry);
  }

  #delete(entry: Slotted<V>): void {
    this.#entries.delete(entry.key);
    this.#ages.remove(entry);
  }

  /** What has gone is not kept until the next drain: most impressions come and go between two. */
  #forgetChange(entry: Slotted<V>): void {
    const at = entry.dirtyAt;
    if (at < 0) return;
    const last = this.#dirty.pop()!;
    if (last === entry) return;
    this.#dirty[at] = last;
    last.dirtyAt = at;
  }

  #encode(entry: Slotted<V>): Uint8Array {
    return Buffer.from(JSON.stringify([version, entry.order, entry.key, ...this.#layout.pack(entry.value)]));
  }

  #decode(slot: number, bytes: Uint8Array): Slotted<V> {
    const { table, base, unpack } = this.#layout;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const [format, order, key, ...fields] = JSON.parse(text) as [number, number, string, ...unknown[]];
    if (format !== version) throw foreignFormat(table, slot, format);
    return new Slotted(key, unpack(fields), order, slot - base);
  }
}

/** For values of ingest state that this version of restill cannot read. */
export function foreignFormat(table: TableName, slot: number, format: unknown): RestillError {
  return new RestillError(
    'JOURNAL_FOREIGN',
    `slot ${slot} of the ingest state "${table}" has format ${String(format)}, expected ${version}; ` +
      'use the version of restill that wrote this data directory, or replay into an empty one',
  );
}
