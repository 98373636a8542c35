// Records of live topics -> the order in which they are taken: the first, by record-order.ts, of the heads of
// all partitions.
//
// Invariants:
// 1. Within a partition offset order is kept, nothing is left out and nothing comes twice: what the broker
//    brings must begin where it last ended, or where the partition was taken up.
// 2. As long as a partition has records that have not come, none is released: what was in the topics when all
//    partitions were taken up comes out in the order of a replay (merge.ts). At the end of a topic, where
//    records come one by one, the order of partitions among each other is that of arrival.
// 3. A partition that should have records and brings none for `idleTimeout` no longer holds the others up. As
//    long as some wait here it may be paused, for minutes where the journal is full: that is no silence.
// 4. The first record after a partition was taken up is the newest one that was taken before, and unchanged:
//    else the topic is another one (promise 10). It is not released again.
import { RestillError } from '../errors.ts';
import type { Place, PlacedRecord, Records } from './ports.ts';
import type { RecordOrder } from './record-order.ts';
import { fingerprintOf } from './resume.ts';
import { partitionKey } from './watermark.ts';

/** Where a partition is taken up. */
export interface Start {
  /** The next offset to take. */
  readonly next: number;
  /** Fingerprint of the record at `next - 1`, which is read again; null: it is not. */
  readonly fingerprint: string | null;
  /** The offset after the last record there is. */
  readonly high: number;
}

/** What the broker brought of one partition. */
export interface Fetched extends Place {
  readonly records: Records;
  /** Of their keys and values. */
  readonly bytes: number;
  /** The offset to go on from: beyond the last record where others were left out (aborted transactions). */
  readonly next: number;
  readonly high: number;
}

/** How far a partition has got. */
export interface PartitionProgress extends Place {
  /** Next offset to be taken. */
  readonly next: number;
  /** The offset after the last record there is, as far as is known. */
  readonly high: number;
  /** Bytes waiting to be taken. */
  readonly bytes: number;
}

/** What is left of what the broker brought at a time: [at, end). */
interface Part {
  readonly records: Records;
  at: number;
  readonly end: number;
}

interface Queue {
  readonly place: Place;
  parts: Part[];
  /** The first one that waits; null: none does. */
  head: PlacedRecord | null;
  /** How many wait. */
  count: number;
  /** Of those that wait: of what came, each counts for the average. */
  bytes: number;
  /** Next offset to be taken, to be fetched, and after the last one there is. */
  taken: number;
  next: number;
  high: number;
  fingerprint: string | null;
  last: PlacedRecord | null;
  /** When the broker last had a word of it, or the last record that waited was taken. */
  newsMs: number;
  /** Exclusive bound on what is taken; null: none. */
  readonly until: number | null;
}

export interface LiveOrderOptions {
  readonly idleTimeout: number;
  readonly order: RecordOrder;
  /** Exclusive bounds by `topic/partition`: the order ends there. Null: it never ends. */
  readonly until: ReadonlyMap<string, number> | null;
}

export class LiveOrder {
  readonly #options: LiveOrderOptions;
  /** By `topic/partition`, as all maps here. */
  #queues = new Map<string, Queue>();
  /** Of partitions that were taken away: where they go on if they come back. */
  readonly #left = new Map<string, { readonly next: number; readonly fingerprint: string | null }>();

  constructor(options: LiveOrderOptions) {
    this.#options = options;
  }

  /** Where a partition that was ours before was left; null for any other. */
  leftAt(place: Place): { readonly next: number; readonly fingerprint: string | null } | null {
    return this.#left.get(partitionKey(place)) ?? null;
  }

  /** All partitions are taken away. What was not taken is forgotten: it will be fetched again. */
  revoke(): void {
    for (const [key, { taken, last, fingerprint }] of this.#queues)
      this.#left.set(key, { next: taken, fingerprint: last ? fingerprintOf(last) : fingerprint });
    this.#queues = new Map();
  }

  assign({ topic, partition }: Place, { next, fingerprint, high }: Start, nowMs: number): void {
    const place = { topic, partition };
    const key = partitionKey(place);
    const until = this.#options.until?.get(key) ?? null;
    this.#queues.set(key, {
      ...{ place, parts: [], head: null, count: 0, bytes: 0 },
      ...{ taken: next, next, high, last: null, until, fingerprint, newsMs: nowMs },
    });
  }

  /**
   * @returns the offsets that are missing before the first record, or null. Whether that is a loss the broker
   *   knows: compacted topics and transactions have gaps by right.
   * @throws RestillError JOURNAL_FOREIGN when the topic is not the one it was
   */
  push(fetched: Fetched, nowMs: number): { readonly from: number; readonly to: number } | null {
    const queue = this.#queues.get(partitionKey(fetched));
    if (queue === undefined) return null;
    const { records } = fetched;
    const at = verified(queue, records);
    const first = records.at(at);
    if (first !== undefined && first.offset < queue.next) throw wentBack(first, queue.next);
    const gap = first && first.offset > queue.next ? { from: queue.next, to: first.offset } : null;
    append(queue, { records, at, end: endWithin(records, queue.until) });
    queue.bytes = hasRecords(queue) ? queue.bytes + fetched.bytes : 0;
    this.advance(fetched, nowMs);
    return gap;
  }

  /** Up to `next` there is nothing more, and the topic ends at `high`. */
  advance(at: Pick<Fetched, 'topic' | 'partition' | 'next' | 'high'>, nowMs: number): void {
    const { next, high } = at;
    const queue = this.#queues.get(partitionKey(at));
    if (queue === undefined) return;
    queue.next = Math.max(queue.next, next);
    queue.high = Math.max(high, queue.next);
    queue.newsMs = nowMs;
  }

  /** Releases up to `count` records; fewer when one must be waited for. */
  take(count: number, nowMs: number): PlacedRecord[] {
    const out: PlacedRecord[] = [];
    const queues = [...this.#queues.values()];
    const missing = queues.some((queue) => isWaitedFor(queue) && !this.#isIdle(queue, nowMs));
    while (!missing && out.length < count) {
      const queue = this.#first(queues);
      if (queue === null) break;
      out.push(release(queue, nowMs));
      if (isWaitedFor(queue) && !this.#isIdle(queue, nowMs)) break;
    }
    return out;
  }

  /** When a silent partition will no longer hold the others up; null when nothing is held up. */
  heldUntilMs(): number | null {
    const queues = [...this.#queues.values()];
    if (!queues.some(hasRecords)) return null;
    const waited = queues.filter(isWaitedFor).map(({ newsMs }) => newsMs + this.#options.idleTimeout);
    return waited.length === 0 ? null : Math.max(...waited);
  }

  /** Whether all that was to be taken has been. Never without bounds. */
  isDone(): boolean {
    const { until } = this.#options;
    if (until === null) return false;
    return [...until].every(([key, end]) => {
      const queue = this.#queues.get(key);
      return queue !== undefined && !hasRecords(queue) && queue.next >= end;
    });
  }

  progress(): PartitionProgress[] {
    return [...this.#queues.values()].map(({ place, taken, next, high, ...queue }) => ({
      ...{ ...place, high, bytes: queue.bytes },
      next: hasRecords(queue) ? taken : next,
    }));
  }

  /** The one whose record comes first; null: none has any. */
  #first(queues: readonly Queue[]): Queue | null {
    const { comesBefore } = this.#options.order;
    let first: Queue | null = null;
    for (const queue of queues)
      if (queue.head !== null && (first === null || comesBefore(queue.head, first.head!))) first = queue;
    return first;
  }

  #isIdle(queue: Queue, nowMs: number): boolean {
    return nowMs - queue.newsMs >= this.#options.idleTimeout;
  }
}

const hasRecords = ({ head }: Pick<Queue, 'head'>): boolean => head !== null;

/** Has none waiting, but there are some. */
const isWaitedFor = (queue: Queue): boolean =>
  !hasRecords(queue) && queue.next < Math.min(queue.high, queue.until ?? queue.high);

/** Where those end that are to be taken. */
function endWithin(records: Records, until: number | null): number {
  let end = records.length;
  while (until !== null && end > 0 && records.at(end - 1)!.offset >= until) end--;
  return end;
}

function append(queue: Queue, part: Part): void {
  if (part.at >= part.end) return;
  queue.parts.push(part);
  queue.count += part.end - part.at;
  queue.head ??= part.records.at(part.at)!;
}

function release(queue: Queue, nowMs: number): PlacedRecord {
  const [record, part] = [queue.head!, queue.parts[0]!];
  queue.bytes -= queue.bytes / queue.count;
  queue.count--;
  if (++part.at === part.end) queue.parts.shift();
  const rest = queue.parts[0];
  queue.head = rest?.records.at(rest.at) ?? null;
  if (queue.head === null) queue.newsMs = nowMs;
  queue.taken = record.offset + 1;
  queue.last = record;
  return record;
}

/** @returns the first one to take: not the record that was read again to be compared */
function verified(queue: Queue, records: Records): 0 | 1 {
  const { fingerprint, next } = queue;
  const first = records.at(0);
  if (fingerprint === null || first === undefined || queue.last !== null || hasRecords(queue)) return 0;
  if (first.offset !== next - 1) return 0;
  const found = fingerprintOf(first);
  if (found === fingerprint) return 1;
  throw new RestillError(
    'JOURNAL_FOREIGN',
    `the record at offset ${first.offset} of ${first.topic}/${first.partition} is another one than was ` +
      `taken from there (offset:time:checksum ${found}, expected ${fingerprint}): ` +
      'the topic was made again; give another data directory, or the right topic',
  );
}

const wentBack = (record: PlacedRecord, expected: number): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `${record.topic}/${record.partition} went back to offset ${record.offset}, expected ${expected}: ` +
      'the topic was made again or cut off at its end; give another data directory, or the right topic',
  );
