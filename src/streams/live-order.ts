// Records of live topics -> the order in which they are taken: the first, by record-order.ts, of the heads of
// all partitions.
//
// Invariants:
// 1. Within a partition offset order is kept, nothing is left out and nothing comes twice: what the broker
//    brings must begin where it last ended, or where the partition was taken up.
// 2. As long as a partition has records that have not come, none is released: what was in the topics when all
//    partitions were taken up comes out in the order of a replay (merge.ts). At the end of a topic, where
//    records come one by one, the order of partitions among each other is that of arrival.
// 3. A partition that should have records and brings none for `idleTimeout` no longer holds the others up.
// 4. The first record after a partition was taken up is the newest one that was taken before, and unchanged:
//    else the topic is another one (promise 10). It is not released again.
import { RestillError } from '../errors.ts';
import type { Place, PlacedRecord } from './ports.ts';
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
  readonly records: readonly PlacedRecord[];
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

interface Queue {
  readonly place: Place;
  records: PlacedRecord[];
  at: number;
  /** Average of what came last: what one record waiting counts for. */
  bytes: number;
  /** Next offset to be taken, to be fetched, and after the last one there is. */
  taken: number;
  next: number;
  high: number;
  fingerprint: string | null;
  last: PlacedRecord | null;
  newsMs: number;
  /** Exclusive bound on what is taken; null: none. */
  readonly until: number | null;
}

export interface LiveOrderOptions {
  readonly idleTimeout: number;
  /** Bytes that may wait to be taken. */
  readonly bufferMax: number;
  readonly order: RecordOrder;
  /** Exclusive bounds by `topic/partition`: the order ends there. Null: it never ends. */
  readonly until: ReadonlyMap<string, number> | null;
}

/** Of what may wait, when so much of it does there is enough to go on with. */
const ampleParts = 4;

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
      ...{ place, records: [], at: 0, bytes: 0, taken: next, next, high, last: null, until },
      ...{ fingerprint, newsMs: nowMs },
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
    const records = verified(queue, fetched.records);
    const first = records[0];
    if (first !== undefined && first.offset < queue.next) throw wentBack(first, queue.next);
    const gap = first && first.offset > queue.next ? { from: queue.next, to: first.offset } : null;
    const within = queue.until === null ? records : records.filter(({ offset }) => offset < queue.until!);
    queue.records.push(...within);
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
      out.push(release(queue));
      if (isWaitedFor(queue) && !this.#isIdle(queue, nowMs)) break;
    }
    return out;
  }

  /** Whether enough waits to be taken to go on with, and no partition is waited for. */
  isAmple(): boolean {
    let bytes = 0;
    for (const queue of this.#queues.values()) {
      if (isWaitedFor(queue)) return false;
      bytes += queue.bytes;
    }
    return bytes >= this.#options.bufferMax / ampleParts;
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
      if (hasRecords(queue) && (first === null || comesBefore(headOf(queue), headOf(first)))) first = queue;
    return first;
  }

  #isIdle(queue: Queue, nowMs: number): boolean {
    return nowMs - queue.newsMs >= this.#options.idleTimeout;
  }
}

const hasRecords = ({ records, at }: Pick<Queue, 'records' | 'at'>): boolean => at < records.length;

/** Has none waiting, but there are some. */
const isWaitedFor = (queue: Queue): boolean =>
  !hasRecords(queue) && queue.next < Math.min(queue.high, queue.until ?? queue.high);

const headOf = ({ records, at }: Queue): PlacedRecord => records[at]!;

function release(queue: Queue): PlacedRecord {
  const { records, at } = queue;
  const record = records[at]!;
  queue.bytes -= queue.bytes / (records.length - at);
  queue.at++;
  queue.taken = record.offset + 1;
  queue.last = record;
  if (queue.at === records.length || queue.at >= 4096) {
    queue.records = records.slice(queue.at);
    queue.at = 0;
  }
  return record;
}

/** Without the record that was read again to be compared. */
function verified(queue: Queue, records: readonly PlacedRecord[]): readonly PlacedRecord[] {
  const { fingerprint, next } = queue;
  const [first, ...others] = records;
  if (fingerprint === null || first === undefined || queue.last !== null || hasRecords(queue)) return records;
  if (first.offset !== next - 1) return records;
  const found = fingerprintOf(first);
  if (found === fingerprint) return others;
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
