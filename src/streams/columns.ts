// Items of an input in columns, as they are handed from the thread that reads to the one that ingests. An
// object is expensive to hand over, whatever is in it; a long array of strings or numbers is not.
//
// Invariants:
// 1. What is unpacked, after a structured clone, is what was packed, to the last bit.
// 2. One batch holds at most `unitsMax` units (64 for an item, and bytes or UTF-16 units of content), or one
//    item.
import type { DeadLetter, SourceRecord } from '../contract.ts';
import { checksumOf } from './checksum.ts';
import { isLetter } from './envelope.ts';
import type { PlacedRecord, SourceItem } from './ports.ts';

type Content = SourceRecord['value'];
type Headers = SourceRecord['headers'];

/** Of each item, in order. */
export interface Columns {
  readonly topics: readonly string[];
  /** [items, 4]: index into `topics`, -1 for a line without a place; partition, offset, timestamp. */
  readonly places: Float64Array;
  readonly keys: readonly Content[];
  readonly values: readonly Content[];
  /** By index; most have none. */
  readonly headers: ReadonlyMap<number, Headers>;
  /** By index: the lines that are no records, those that have a place too. */
  readonly letters: ReadonlyMap<number, DeadLetter>;
}

/** Numbers of an item in `places`. */
const width = 4;

/** What an item counts for besides its content: a topic may hold nothing but tombstones. */
const itemUnits = 64;

/** Gathers the items of one batch, and opens them. */
export class Packing {
  readonly #unitsMax: number;
  readonly #topics: string[] = [];
  readonly #places: number[] = [];
  readonly #keys: Content[] = [];
  readonly #values: Content[] = [];
  readonly #headers = new Map<number, Headers>();
  readonly #letters = new Map<number, DeadLetter>();
  #units = 0;

  constructor(unitsMax: number) {
    this.#unitsMax = unitsMax;
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** @returns whether there was room; where there is nothing else, there is. */
  add(item: SourceItem): boolean {
    const read = isLetter(item) ? item : item.open();
    const { key, value, headers } = isLetter(read) ? read.record : read;
    this.#units += itemUnits + (key?.length ?? 0) + (value?.length ?? 0);
    if (this.#units > this.#unitsMax && !this.isEmpty) return false;
    if (isLetter(read)) this.#letters.set(this.#keys.length, withOwnBytes(read));
    else if (headers.length > 0) this.#headers.set(this.#keys.length, headers);
    this.#places.push(...(isLetter(item) ? noPlace : this.#placeOf(item)));
    this.#keys.push(isLetter(read) ? null : ownBytes(key));
    this.#values.push(isLetter(read) ? null : ownBytes(value));
    return true;
  }

  columns(): Columns {
    return {
      topics: this.#topics,
      places: Float64Array.from(this.#places),
      keys: this.#keys,
      values: this.#values,
      headers: this.#headers,
      letters: this.#letters,
    };
  }

  #placeOf({ topic, partition, offset, timestampMs }: PlacedRecord): number[] {
    let index = this.#topics.indexOf(topic);
    if (index < 0) index = this.#topics.push(topic) - 1;
    return [index, partition, offset, timestampMs];
  }
}

const noPlace = [-1, 0, 0, 0];

/** A view would be cloned with all that it is a view of. */
const ownBytes = (content: Content): Content =>
  content === null || typeof content === 'string' ? content : Uint8Array.from(content);

export function withOwnBytes({ record, ...why }: DeadLetter): DeadLetter {
  const { topic, partition, offset, timestampMs, key, value, headers } = record;
  const own = { key: ownBytes(key), value: ownBytes(value) };
  return { record: { topic, partition, offset, timestampMs, ...own, headers }, ...why };
}

export function unpackItems(columns: Columns): SourceItem[] {
  const { places, letters } = columns;
  return Array.from({ length: places.length / width }, (_, index) =>
    places[index * width] === -1 ? letters.get(index)! : new PackedRecord(columns, index),
  );
}

class PackedRecord implements PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly #columns: Columns;
  readonly #index: number;

  constructor(columns: Columns, index: number) {
    const { topics, places } = columns;
    const at = index * width;
    this.topic = topics[places[at]!]!;
    this.partition = places[at + 1]!;
    this.offset = places[at + 2]!;
    this.timestampMs = places[at + 3]!;
    this.#columns = columns;
    this.#index = index;
  }

  open(): SourceRecord | DeadLetter {
    const { topic, partition, offset, timestampMs } = this;
    const { keys, values, headers, letters } = this.#columns;
    const index = this.#index;
    const letter = letters.get(index);
    if (letter !== undefined) return letter;
    const [key, value] = [keys[index]!, values[index]!];
    return {
      topic,
      partition,
      offset,
      timestampMs,
      key,
      value,
      headers: headers.get(index) ?? noHeaders,
    };
  }

  checksum(): number {
    return checksumOf(this.open());
  }
}

const noHeaders: Headers = [];
