// Live topics as a source, on kafkajs 2.2.4.
//
// What is known of kafkajs and followed here:
// 1. A handler that waits holds up all partitions of its broker, and misses heartbeats. This one only hands
//    over; a partition of which too much waits is paused, and fetching and heartbeats go on.
// 2. Batches of a response that was fetched before a rebalance are still handed over after it was noticed.
//    A heartbeat asked for before each batch tells; then nothing is taken until the group has been joined.
// 3. Where a partition is taken up is decided by the journal and the broker's real offsets, never by -1 or
//    -2: in the listener of GROUP_JOIN, at once, all partitions are paused, and sought and resumed when the
//    offsets are known.
// 4. An offset out of range is reset silently (to the beginning: see `fromBeginning`). So each batch must
//    begin where the last one ended (live-order.ts), and a gap is looked into.
// 5. It tries to reach a broker for ever, and says nothing of it: the answers are watched (contact.ts).
// 6. What becomes of a consumer that crashed: see group-member.kafka.ts.
// 7. A commit from outside of a batch that meets a rebalance ends the consumer; the one that a batch is given
//    does not. It is for lag tools only, and may fail.
import type { EachBatchPayload, Kafka } from 'kafkajs';
import type { Timer } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { byTopic, type Commits, openCommits } from './commits.ts';
import { type Contact, watchContact } from './contact.ts';
import { GroupMember, type PassedBatch } from './group-member.kafka.ts';
import { kafkaError } from './kafka-errors.ts';
import type { TopicDesk } from './kafka-topic.kafka.ts';
import type { LiveNotice, LivePartition, LiveSource } from './live.ts';
import { LiveOrder } from './live-order.ts';
import { FetchedMessages } from './message.ts';
import type { IngestStatus, Place, PlacedRecord } from './ports.ts';
import { pressure } from './pressure.ts';
import { openRecordOrder } from './record-order.ts';
import { type Left, type PartitionStart, startsOf, type TakeOver } from './starts.ts';
import { deleted } from './take-up.ts';
import { type TopicWatch, watchTopic } from './topic-watch.ts';
import { partitionKey } from './watermark.ts';

export interface LiveParts {
  readonly kafka: Kafka;
  readonly desk: TopicDesk;
  readonly config: Config;
  readonly timer: Timer;
  /** Where the journal is; nothing for a source that begins at the beginning. */
  readonly status: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
  /** See starts.ts. */
  readonly takeOver?: TakeOver;
  readonly alone?: boolean;
  /** The consumer group; a bounded source has one of its own, in which nothing is committed. */
  readonly group: string;
  /** Where a partition (`topic/partition`) begins that the journal does not know. Null: at its beginning. */
  readonly from: ReadonlyMap<string, number> | null;
  /** Exclusive, by partition: the source ends there. Null: it does not end. */
  readonly until: ReadonlyMap<string, number> | null;
  readonly notice: (notice: LiveNotice) => void;
}

/** Joins the group. @throws RestillError KAFKA_* */
export async function openLiveSource(parts: LiveParts): Promise<LiveSource> {
  const source = new KafkaSource(parts);
  try {
    await source.start();
  } catch (error) {
    await source.close().catch(() => {}); // The error before it is the one that matters.
    throw kafkaError(error, `read ${parts.desk.topics.join(' and ')}`);
  }
  return source;
}

/** Records handed to ingest at a time; at most a transaction, which takes them whole. */
const readMax = 1_000;
const askAgainMs = 1_000; // After which a question that the broker did not answer is asked again.

class KafkaSource implements LiveSource {
  readonly kind = 'live';
  readonly inputs = 1;
  readonly #parts: LiveParts;
  readonly #member: GroupMember;
  readonly #order: LiveOrder;
  readonly #commits: Commits;
  readonly #contact: Contact;
  #watch: TopicWatch | null = null;
  /** Calls off what is told when partitions have not been taken up for long. */
  #settled: () => void = () => {};
  readonly #paused = new Set<string>();
  #fenced = true;
  /** Counts joins and their ends: what was asked for in an earlier one is of no use. */
  #epoch = 0;
  #failure: RestillError | null = null;
  #closed = false;
  /** When records were first handed over since the last empty list. */
  #gatheringMs: number | null = null;
  #wake: () => void = () => {};
  #read = 0;

  constructor(parts: LiveParts) {
    const { config, kafka, desk, group, until, timer } = parts;
    const settings = config.kafka;
    this.#parts = parts;
    const order = openRecordOrder(config.topics);
    this.#order = new LiveOrder({ idleTimeout: settings.idleTimeout, order, until });
    this.#commits = openCommits(settings.commitEvery, timer, (error) =>
      parts.notice({ kind: 'uncommitted', message: String((error as Error).message) }),
    );
    this.#contact = watchContact({
      ...{ timer, awayMax: settings.awayMax, away: () => this.#missed() },
      back: () => parts.notice({ kind: 'back' }),
    });
    const events = {
      heard: () => this.#contact.heard(),
      joined: (places: readonly Place[]) => this.#joined(places),
      left: () => this.#fence(),
      take: (payload: EachBatchPayload) => this.#take(payload),
      passedOver: (batch: PassedBatch) => this.#passedOver(batch),
      restarting: (message: string) => parts.notice({ kind: 'restarting', message }),
      failed: (error: RestillError) => this.#fail(error),
    };
    this.#member = new GroupMember({ kafka, desk, group, settings, timer, events });
  }

  async start(): Promise<void> {
    const { config, desk, timer } = this.#parts;
    this.#unsettled();
    await this.#member.start();
    this.#watch = watchTopic({
      ...{ timer, desk, everyMs: config.kafka.metadataEvery, places: () => this.#order.progress() },
      failed: (error) => this.#fail(error),
    });
  }

  async read(): Promise<PlacedRecord[] | null> {
    const { transactionRecords } = this.#parts.config.journal;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#closed) return null;
      const items = this.#order.take(Math.min(readMax, transactionRecords), this.#nowMs());
      if (items.length > 0) {
        this.#read += items.length;
        this.#gatheringMs ??= this.#nowMs();
        this.#relieve();
        return items;
      }
      if (this.#order.isDone()) return null;
      if (await this.#news()) continue;
      this.#gatheringMs = null;
      return [];
    }
  }

  progress(): { bytesRead: number; bytesTotal: number } {
    const behind = this.partitions().reduce((sum, { next, high }) => sum + Math.max(0, high - next), 0);
    return { bytesRead: this.#read, bytesTotal: this.#read + behind };
  }

  partitions(): LivePartition[] {
    return this.#order.progress().map((at) => ({ ...at, paused: this.#paused.has(partitionKey(at)) }));
  }

  acknowledge(offsets: Readonly<Record<string, number>>): void {
    this.#commits.acknowledge(offsets);
  }

  takeUpAgain(): void {
    this.#member.tellAgain();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    this.#contact.close();
    this.#settled();
    this.#watch?.close();
    await this.#commits.close();
    await this.#member.close();
  }

  /**
   * Waits until something has changed. False when what was handed over has been gathered for long enough and
   * nothing has changed.
   */
  #news(): Promise<boolean> {
    const { linger } = this.#parts.config.kafka;
    const nowMs = this.#nowMs();
    const gatheredMs = this.#gatheringMs === null ? null : this.#gatheringMs + linger;
    if (gatheredMs !== null && gatheredMs <= nowMs) return Promise.resolve(false);
    const heldUntilMs = this.#order.heldUntilMs() ?? Number.POSITIVE_INFINITY;
    const untilMs = Math.min(gatheredMs ?? Number.POSITIVE_INFINITY, Math.max(nowMs + 1, heldUntilMs));
    return new Promise((resolve) => {
      const isGathered = untilMs === gatheredMs;
      const wake = (): void => resolve(!isGathered);
      const cancel = Number.isFinite(untilMs) ? this.#parts.timer.after(untilMs - nowMs, wake) : () => {};
      this.#wake = () => {
        cancel();
        resolve(true);
      };
    });
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, commitOffsetsIfNecessary, isStale } = payload;
    if (this.#fenced || isStale()) return;
    this.#commits.open((offsets) => commitOffsetsIfNecessary({ topics: byTopic(offsets) }));
    const { topic, partition, messages } = batch;
    const bytesMax = this.#parts.config.records.bytesMax;
    const next = Number(batch.lastOffset()) + 1;
    try {
      const records = new FetchedMessages(topic, partition, messages, bytesMax);
      const high = Number(batch.highWatermark);
      const fetched = { topic, partition, records, bytes: records.bytes, next, high };
      const gap = this.#order.push(fetched, this.#nowMs());
      if (gap !== null) await this.#lookInto(partitionKey(batch), gap);
    } catch (error) {
      return this.#fail(error);
    }
    resolveOffset(batch.lastOffset());
    this.#relieve();
    this.#wake();
  }

  /** Missing by right (compaction, transactions), or lost: the broker's first offset tells. */
  async #lookInto(key: string, gap: { from: number; to: number }): Promise<void> {
    const low = (await this.#parts.desk.ranges()).get(key)?.low ?? 0;
    if (low <= gap.from) return;
    const lost = { from: gap.from, to: Math.min(low, gap.to) };
    if (this.#parts.config.kafka.onGap === 'halt') throw deleted(key, lost);
    this.#parts.notice({ kind: 'gap', partition: key, ...lost });
  }

  /** Batches of nothing but markers and aborted records are not handed over. */
  #passedOver(batch: PassedBatch): void {
    if (this.#fenced || batch.batchSize > 0) return;
    const { topic, partition } = batch;
    const next = Number(batch.lastOffset) + 1;
    this.#order.advance({ topic, partition, next, high: Number(batch.highWatermark) }, this.#nowMs());
    this.#wake();
  }

  #relieve(): void {
    if (this.#fenced) return;
    const { bufferMax } = this.#parts.config.kafka;
    const { pause, resume } = pressure(this.#order.progress(), this.#paused, bufferMax);
    this.#hold(pause);
    this.#release(resume);
    if (pause.length > 0) this.#parts.notice({ kind: 'paused', partitions: pause.map(partitionKey) });
    if (resume.length > 0) this.#parts.notice({ kind: 'resumed', partitions: resume.map(partitionKey) });
  }

  #hold(places: readonly Place[]): void {
    if (places.length === 0) return;
    this.#member.pause(places);
    for (const place of places) this.#paused.add(partitionKey(place));
  }

  #release(places: readonly Place[]): void {
    if (places.length === 0) return;
    this.#member.resume(places);
    for (const place of places) this.#paused.delete(partitionKey(place));
  }

  #fence(): void {
    this.#epoch++;
    if (this.#fenced) return;
    this.#fenced = true;
    void this.#commits.now();
    this.#unsettled();
    this.#parts.notice({ kind: 'rebalancing' });
  }

  #unsettled(): void {
    const ms = 3 * this.#parts.config.kafka.sessionTimeout;
    const message = `no partitions have been taken up for ${ms / 1000} s: see who is in the group`;
    this.#settled();
    this.#settled = this.#parts.timer.after(ms, () => this.#parts.notice({ kind: 'unsettled', message }));
  }

  /** Called by kafkajs before the first fetch of the new assignment: what is paused here is not fetched. */
  #joined(places: readonly Place[]): void {
    this.#epoch++;
    this.#fenced = true;
    this.#order.revoke();
    this.#hold(places);
    this.#takeUp(this.#epoch, places);
  }

  #takeUp(epoch: number, places: readonly Place[]): void {
    if (epoch !== this.#epoch || this.#closed) return;
    const leftAt = (place: Place): Left | null => this.#order.leftAt(place);
    startsOf(places, { ...this.#parts, settings: this.#parts.config.kafka, leftAt }).then(
      (starts) => {
        if (epoch === this.#epoch && !this.#closed) this.#begin(starts);
      },
      (error: unknown) => {
        if (epoch !== this.#epoch || this.#closed) return;
        const isPassing = error instanceof RestillError && error.disposition === 'retry';
        if (!isPassing) this.#fail(error);
        else this.#parts.timer.after(askAgainMs, () => this.#takeUp(epoch, places));
      },
    );
  }

  #begin(starts: readonly PartitionStart[]): void {
    for (const start of starts) {
      const { next, fingerprint, gap } = start;
      if (gap !== null) this.#parts.notice({ kind: 'gap', partition: partitionKey(start), ...gap });
      this.#order.assign(start, start, this.#nowMs());
      this.#member.seek(start, fingerprint === null ? next : next - 1);
    }
    this.#paused.clear();
    this.#release(starts);
    this.#commits.assigned(new Map(starts.map((start) => [partitionKey(start), start.next])));
    this.#fenced = false;
    this.#settled();
    this.#parts.notice({ kind: 'joined', partitions: starts.map(partitionKey) });
    this.#wake();
  }

  /** The broker is away, for longer than it may be. */
  #missed(): void {
    const { awayMax, onAway } = this.#parts.config.kafka;
    const message = `no broker has answered for ${awayMax / 1000} s (kafka.away_max): check the network`;
    this.#parts.notice({ kind: 'away', message });
    if (onAway === 'halt') this.#fail(new RestillError('KAFKA_UNREACHABLE', message));
  }

  #fail(error: unknown): void {
    this.#failure ??= kafkaError(error, `read ${this.#parts.desk.topics.join(' and ')}`);
    this.#wake();
  }

  #nowMs(): number {
    return this.#parts.timer.elapsed();
  }
}
