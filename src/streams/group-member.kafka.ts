// Our member of the consumer group: a consumer of kafkajs 2.2.4, and another one when it has come to its end
// for a reason that passes.
//
// What is known of kafkajs and followed here:
// 1. A crash that it does not take for retriable leaves a process that does nothing. What passes (no broker
//    or coordinator answers) is followed by a new consumer, anything else the first time only.
// 2. A coordinator that is not found may be a broker that restarts or a group that is denied; it says which
//    in its debugging log only, so the desk is asked (kafka-topic.kafka.ts).
// 3. It has consumers that hang and say nothing: in a join that is never answered, or in a stop that waits
//    for a fetch which is gone. One that gives no sign of life for long is replaced.
// 4. A consumer that is told to disconnect while it joins joins all the same, and reads on. One that is not
//    ours any more is told again, is not restarted, and not listened to.
// 5. An assignment may be sought anew while it is being read: a partition is fetched by one fetcher at a
//    time, which seeks before its next fetch; what comes until then says that it is stale.
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Timer } from '../clock.ts';
import type { KafkaConfig } from '../config-kafka.ts';
import type { RestillError } from '../errors.ts';
import { type Contact, watchContact } from './contact.ts';
import { kafkaError } from './kafka-errors.ts';
import type { TopicDesk } from './kafka-topic.kafka.ts';
import type { Place } from './ports.ts';

/** A batch of which nothing was handed over: control records, or those of an aborted transaction. */
export interface PassedBatch extends Place {
  readonly batchSize: number;
  readonly lastOffset: string;
  readonly highWatermark: string;
}

/** What a member tells, all of it synchronously. */
export interface MemberEvents {
  /** An answer of the group's coordinator came. */
  heard(): void;
  /** Before the first fetch of the new assignment; or of the same once more, see `tellAgain`. */
  joined(places: readonly Place[]): void;
  /** Until it has joined again, nothing that comes is to be taken. */
  left(): void;
  take(payload: EachBatchPayload): Promise<void>;
  passedOver(batch: PassedBatch): void;
  restarting(message: string): void;
  /** For good. */
  failed(error: RestillError): void;
}

export interface MemberParts {
  readonly kafka: Kafka;
  readonly desk: Pick<TopicDesk, 'topics' | 'committed'>;
  readonly group: string;
  readonly settings: KafkaConfig;
  readonly timer: Timer;
  readonly events: MemberEvents;
}

/** After a crash, before the next consumer is made. */
const againMs = 1_000;
/** How often in a row we may fail: a broker that has just started may not know its users and topics yet. */
const failuresMax = 2;

export class GroupMember {
  readonly #parts: MemberParts;
  #consumer: Consumer | null = null;
  /** Of the consumer at hand. */
  #contact: Contact | null = null;
  #closed = false;
  /** In a row: without a batch between them. */
  #failures = 0;
  #cancel: () => void = () => {};
  /** Null between two assignments. */
  #assigned: readonly Place[] | null = null;
  #isAsked = false;

  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  /** @throws what kafkajs throws while it connects */
  start(): Promise<void> {
    return this.#run(this.#open());
  }

  pause(places: readonly Place[]): void {
    this.#consumer!.pause(places.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
  }

  resume(places: readonly Place[]): void {
    this.#consumer!.resume(places.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
  }

  seek({ topic, partition }: Place, offset: number): void {
    this.#consumer!.seek({ topic, partition, offset: String(offset) });
  }

  /** Tells of the assignment at hand as if it were new, as soon as a heartbeat has confirmed it. */
  tellAgain(): void {
    this.#isAsked = true;
  }

  /** Waits for it to leave the group, but not for a consumer that hangs. */
  close(): Promise<void> {
    const { timer, settings } = this.#parts;
    this.#closed = true;
    this.#cancel();
    this.#contact?.close();
    return new Promise((resolve, reject) => {
      const cancel = timer.after(settings.requestTimeout, resolve);
      const left = this.#consumer?.disconnect() ?? Promise.resolve();
      left.finally(cancel).then(resolve, reject);
    });
  }

  #joined(places: readonly Place[]): void {
    this.#assigned = places;
    this.#isAsked = false;
    this.#parts.events.joined(places);
  }

  #left(): void {
    this.#assigned = null;
    this.#parts.events.left();
  }

  #isOurs(consumer: Consumer): boolean {
    return consumer === this.#consumer && !this.#closed;
  }

  #open(): Consumer {
    const { timer, settings } = this.#parts;
    const consumer: Consumer = openConsumer(this.#parts, () => this.#isOurs(consumer));
    this.#consumer = consumer;
    this.#contact?.close();
    // What a join may take, when another member is waited for, and an answer.
    const awayMax = 3 * settings.sessionTimeout + settings.requestTimeout;
    this.#contact = watchContact({ timer, awayMax, away: () => this.#replace(awayMax), back: () => {} });
    this.#listen(consumer);
    return consumer;
  }

  async #run(consumer: Consumer): Promise<void> {
    const { desk, events } = this.#parts;
    await consumer.connect();
    await consumer.subscribe({ topics: [...desk.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        if (!this.#isOurs(consumer)) return;
        await this.#beat(payload);
        this.#failures = 0;
        await events.take(payload);
      },
    });
  }

  /** A batch that was fetched before a rebalance is handed over after it: a heartbeat tells. */
  async #beat({ heartbeat }: EachBatchPayload): Promise<void> {
    try {
      await heartbeat();
    } catch (error) {
      if (joinsAgain.has((error as { type?: string }).type ?? '')) this.#left();
      throw error;
    }
  }

  #listen(consumer: Consumer): void {
    const { events, desk } = this.#parts;
    const { GROUP_JOIN, HEARTBEAT, REBALANCING, CRASH, END_BATCH_PROCESS } = consumer.events;
    const isOurs = (): boolean => this.#isOurs(consumer);
    const heard = (): void => {
      this.#contact?.heard();
      events.heard();
    };
    consumer.on(HEARTBEAT, () => {
      if (!isOurs()) return;
      heard();
      if (this.#isAsked && this.#assigned !== null) this.#joined(this.#assigned);
    });
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (!isOurs()) return dismiss(consumer);
      heard();
      this.#joined(
        desk.topics.flatMap((topic) =>
          (payload.memberAssignment[topic] ?? []).map((partition) => ({ topic, partition })),
        ),
      );
    });
    consumer.on(REBALANCING, () => isOurs() && this.#left());
    consumer.on(END_BATCH_PROCESS, ({ payload }) => isOurs() && events.passedOver(payload));
    consumer.on(CRASH, ({ payload: { error, restart } }) => {
      if (!isOurs()) return;
      this.#left();
      if (restart) events.restarting(error.message);
      else void this.#follow(consumer, error);
    });
  }

  /** This consumer is gone: another one, or the end. */
  async #follow(consumer: Consumer, error: unknown): Promise<void> {
    const { events, timer } = this.#parts;
    const failure = await this.#explained(error);
    if (!this.#isOurs(consumer)) return;
    const isPassing = failure.disposition === 'retry' || ++this.#failures < failuresMax;
    if (!isPassing) return events.failed(failure);
    events.restarting(failure.message);
    this.#cancel = timer.after(againMs, () => {
      if (this.#isOurs(consumer)) this.#another(consumer);
    });
  }

  #replace(silentMs: number): void {
    const { events } = this.#parts;
    if (this.#closed) return;
    this.#left();
    events.restarting(`the consumer has had no answer for ${silentMs} ms, and is replaced`);
    this.#another(this.#consumer!);
  }

  #another(old: Consumer): void {
    dismiss(old);
    const consumer = this.#open();
    this.#run(consumer).catch((error: unknown) => this.#follow(consumer, error));
  }

  /** What the broker says to somebody else's question about the group may tell more than the crash. */
  async #explained(error: unknown): Promise<RestillError> {
    const { desk, group } = this.#parts;
    const what = `read ${desk.topics.join(' and ')}`;
    const failure = kafkaError(error, what);
    if (failure.disposition !== 'retry') return failure;
    return desk.committed(group).then(
      () => failure,
      (trouble: unknown) => kafkaError(trouble, what),
    );
  }
}

/** After these errors kafkajs joins the group again; after any other it fetches on. */
const joinsAgain: ReadonlySet<string> = new Set([
  'REBALANCE_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
]);

/** It may be in a state in which that fails; another event, or the end of the client, will follow. */
function dismiss(consumer: Consumer): void {
  consumer.disconnect().catch(() => {});
}

function openConsumer({ kafka, group, settings }: MemberParts, isWanted: () => boolean): Consumer {
  return kafka.consumer({
    groupId: group,
    retry: { restartOnFailure: () => Promise.resolve(isWanted()) },
    sessionTimeout: settings.sessionTimeout,
    rebalanceTimeout: 2 * settings.sessionTimeout,
    heartbeatInterval: settings.heartbeatEvery,
    metadataMaxAge: settings.metadataEvery,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: settings.fetchWait,
    maxBytesPerPartition: settings.fetchBytesMax,
    maxBytes: Math.max(settings.fetchBytesMax, settings.bufferMax >> 1),
  });
}
