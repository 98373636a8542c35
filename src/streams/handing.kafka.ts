// What a builder hands over, by transactions of kafkajs 2.2.4: one producer for each partition, whose
// transactional id is that of the partition, so that the next builder of it fences this one. (kafkajs sends
// no member id with a transaction, so the group alone would not.)
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs';
import type { RolesConfig } from '../config-roles.ts';
import { assert } from '../errors.ts';
import type { Built } from './building.ts';
import { stateMessages } from './changelog.ts';
import { encodeHandover } from './handover.ts';
import { askAboutGroup } from './kafka-client.kafka.ts';
import { kafkaError } from './kafka-errors.ts';

export interface Transactions {
  /** See `Handing`. @throws RestillError KAFKA_* */
  fence(partitions: readonly number[], isOver: () => boolean): Promise<void>;
  hand(partition: number, built: Built): Promise<boolean>;
  close(): Promise<void>;
}

/** Of one record batch: the broker takes 1 MiB by default. A single larger message goes alone. */
const batchBytesMax = 512 * 1024;

export function openTransactions(
  kafka: Kafka,
  { group, roles }: { readonly group: string; readonly roles: RolesConfig },
): Transactions {
  const producers = new Map<number, Producer>();
  const closeAll = async (): Promise<void> => {
    const open = [...producers.values()];
    producers.clear();
    await Promise.all(open.map((producer) => producer.disconnect()));
  };
  const idOf = (partition: number): string => `${group}.builder.${partition}`;
  const begin = async (partition: number, isOver: () => boolean): Promise<void> => {
    const producer = kafka.producer({
      transactionalId: idOf(partition),
      transactionTimeout: roles.transactionTimeout,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    // Known from the beginning: one that fails below is closed, too.
    producers.set(partition, producer);
    await producer.connect();
    if (isOver()) return;
    // The first one makes the broker raise the epoch of the id: that is the fence.
    await (await producer.transaction()).abort();
  };
  return {
    async fence(partitions, isOver) {
      try {
        await closeAll();
        const [first, ...others] = partitions;
        if (first === undefined) return;
        // The coordinator of an id is hidden from who may not use it, as that of a group is.
        await askAboutGroup(kafka, idOf(first), () => begin(first, isOver));
        const begun = await Promise.allSettled(others.map((partition) => begin(partition, isOver)));
        for (const one of begun) if (one.status === 'rejected') throw one.reason;
      } catch (error) {
        throw kafkaError(error, `begin transactions for ${roles.pages}`);
      }
    },
    async hand(partition, built) {
      const producer = producers.get(partition);
      assert(producer !== undefined, `partition ${partition} was not fenced`);
      try {
        await send(producer, partition, built, roles);
        return true;
      } catch (error) {
        if (isFenced(error)) return false;
        throw kafkaError(error, `hand over to ${roles.pages}`);
      }
    },
    close: closeAll,
  };
}

async function send(
  producer: Producer,
  partition: number,
  built: Built,
  { pages, state }: RolesConfig,
): Promise<void> {
  const handed = built.handovers.map(({ timestampMs, handover }) => ({
    partition,
    key: built.settings,
    value: encodeHandover(handover),
    timestamp: String(timestampMs),
  }));
  const changed = stateMessages(built).map((message) => ({ ...message, partition }));
  const transaction = await producer.transaction();
  try {
    for (const [topic, messages] of [[pages, handed] as const, [state, changed] as const])
      for (const part of inParts(messages)) await transaction.send({ topic, acks: -1, messages: part });
    await transaction.commit();
  } catch (error) {
    // Of a commit that failed nobody knows what came of it; this builder ends, and the next one finds out.
    if (transaction.isActive()) await transaction.abort().catch(() => {});
    throw error;
  }
}

function* inParts(messages: readonly Message[]): Generator<Message[]> {
  let part: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = (message.value?.length ?? 0) + (message.key?.length ?? 0) + 32;
    if (part.length > 0 && bytes + size > batchBytesMax) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

/** By the name that the broker gives it, over the chain of causes. */
function isFenced(error: unknown): boolean {
  for (
    let at = error as { type?: string; cause?: unknown } | undefined;
    at != null;
    at = at.cause as typeof at
  )
    if (/^(INVALID_PRODUCER_EPOCH|PRODUCER_FENCED|INVALID_PRODUCER_ID_MAPPING)$/.test(at.type ?? ''))
      return true;
  return false;
}
