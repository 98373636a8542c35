// How far each partition has got: the next offset to read, and the event time up to which it is taken as
// complete.
//
// Invariants:
// 1. Offsets and clocks only move forward.
// 2. A partition's own watermark is its newest event time minus `watermark.disorder_max`. A partition that
//    lags more than `watermark.idle_timeout` behind the newest event of all is taken to be there:
//    watermark(p) = max(newest(p) - disorder_max, newest of all - idle_timeout). No wall clock is asked.
// 3. No event is newer than its record: event time is what the event says, but at most the record's own
//    timestamp. The former comes from a user's device, whose clock may be years ahead; the latter was set
//    where it was collected. One broken device would otherwise close everything that is open and make every
//    later event late, and its own pages would stay open for years. (A topic whose record timestamps are
//    copies of the event times has no such protection.)
import type { Config } from '../config.ts';
import type { Coordinates, PartitionClock } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { ByPlace } from './by-place.ts';
import type { Place } from './ports.ts';
import { type Entry, type Saved, SlotTable } from './slot-table.ts';

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  nextOffset: number;
  /** Newest event time; minus infinity before the first event. */
  newestMs: number;
}

/** More than any broker carries well; a bound that says so beats one that is met by chance. */
const partitionsMax = 10_000;

/** Name of a partition in offsets and in state. */
export const partitionKey = (at: Place): string => `${at.topic}/${at.partition}`;

/** Back again; the name of a recorded topic may be anything. */
export function placeOfKey(key: string): Place {
  const at = key.lastIndexOf('/');
  return { topic: key.slice(0, at), partition: Number(key.slice(at + 1)) };
}

/** Event time by invariant 3, milliseconds since the epoch. */
export const eventTime = (saidMs: number, timestampMs: number): number => Math.min(saidMs, timestampMs);

export class Watermarks {
  readonly table: SlotTable<Partition>;
  readonly #disorderMax: number;
  readonly #idleTimeout: number;
  readonly #entries = new ByPlace<Entry<Partition>>();
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(config: Config, saved: Saved) {
    this.table = new SlotTable<Partition>(
      { name: 'partitions', table: 'partitions', base: 0, capacity: partitionsMax, pack, unpack },
      saved,
    );
    this.#disorderMax = config.watermark.disorderMax;
    this.#idleTimeout = config.watermark.idleTimeout;
    for (const entry of this.table.entries()) {
      this.#entries.set(entry.value, entry);
      this.#newestMs = Math.max(this.#newestMs, entry.value.newestMs);
    }
  }

  /** The watermark of every partition is at least this. */
  get floorMs(): number {
    return this.#newestMs - this.#idleTimeout;
  }

  /** Moves the offset past a record. Null if that record was taken before: it has no effect a second time. */
  take(at: Coordinates): Entry<Partition> | null {
    const entry = this.#entries.get(at) ?? this.#begin(at);
    if (at.offset < entry.value.nextOffset) return null;
    entry.value.nextOffset = at.offset + 1;
    this.table.changed(entry);
    return entry;
  }

  /**
   * Moves the clock of a partition to the time of an event.
   * @returns whether the event is late: behind the partition's own watermark before.
   */
  observe(entry: Entry<Partition>, timeMs: number): boolean {
    const partition = entry.value;
    const late = timeMs < partition.newestMs - this.#disorderMax;
    if (timeMs > partition.newestMs) {
      partition.newestMs = timeMs;
      this.table.changed(entry);
      if (timeMs > this.#newestMs) this.#newestMs = timeMs;
    }
    return late;
  }

  /** Milliseconds of event time; minus infinity before the first event of all. */
  of(partition: Partition): number {
    return Math.max(partition.newestMs - this.#disorderMax, this.floorMs);
  }

  clocks(): PartitionClock[] {
    const known = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);
    return [...this.table.entries()].map(({ value }) => ({
      topic: value.topic,
      partition: value.partition,
      newestMs: known(value.newestMs),
      watermarkMs: known(this.of(value)),
    }));
  }

  /** Next offset to read, per `topic/partition`. */
  offsets(): Record<string, number> {
    const offsets: Record<string, number> = {};
    for (const { key, value } of this.table.entries()) offsets[key] = value.nextOffset;
    return offsets;
  }

  #begin({ topic, partition }: Place): Entry<Partition> {
    const key = partitionKey({ topic, partition });
    if (this.table.full)
      throw new RestillError(
        'INPUT_UNREADABLE',
        `partition ${key} is number ${partitionsMax + 1}, at most ${partitionsMax} are supported; ` +
          'split the topic, or check that the recording is of one topic',
      );
    const begun = { topic, partition, nextOffset: 0, newestMs: Number.NEGATIVE_INFINITY };
    const entry = this.table.add(key, begun);
    this.#entries.set(begun, entry);
    return entry;
  }
}

const pack = (p: Partition): readonly unknown[] => [
  p.topic,
  p.partition,
  p.nextOffset,
  Number.isFinite(p.newestMs) ? p.newestMs : null,
];

function unpack(fields: readonly unknown[]): Partition {
  const [topic, partition, nextOffset, newestMs] = fields as [string, number, number, number | null];
  return { topic, partition, nextOffset, newestMs: newestMs ?? Number.NEGATIVE_INFINITY };
}
