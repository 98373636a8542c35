// What is asked of a broker about a topic, beside reading it.
import type { Admin, Kafka } from 'kafkajs';
import { RestillError } from '../errors.ts';
import { askAboutGroup, sever } from './kafka-client.kafka.ts';
import { kafkaError } from './kafka-errors.ts';

/** First offset that the broker has, and the one after the last. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface TopicDesk {
  readonly topic: string;
  /** By partition number, ascending. @throws RestillError KAFKA_* */
  ranges(): Promise<Map<number, Range>>;
  /** The first offset whose record is at least that old, per partition; `high` where there is none. */
  offsetsAt(timeMs: number): Promise<Map<number, number>>;
  /**
   * Next offset as the group has committed it; partitions without one are absent.
   * @throws RestillError KAFKA_DENIED where the user may not read the group, KAFKA_UNREACHABLE
   */
  committed(group: string): Promise<Map<number, number>>;
  /** After everything else that uses the client: cuts what of it is still open. */
  close(): Promise<void>;
}

/** Asked for at start: an operator is waiting for the answer. */
const attempts = 2;

/**
 * Connects, and makes sure of the topic.
 * @throws RestillError KAFKA_UNREACHABLE, KAFKA_DENIED, KAFKA_UNTRUSTED, KAFKA_TOPIC_UNKNOWN
 */
export async function openTopicDesk(kafka: Kafka, topic: string): Promise<TopicDesk> {
  const admin = kafka.admin({ retry: { retries: attempts } });
  const asking = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      throw kafkaError(error, what);
    }
  };
  try {
    await asking('connect to Kafka', () => admin.connect());
    await asking(`find the topic ${topic}`, () => requireTopic(admin, topic));
  } catch (error) {
    await admin.disconnect().catch(() => {}); // The error before it is the one that matters.
    sever(kafka);
    throw error;
  }
  return {
    topic,
    ranges: () =>
      asking(`ask for the offsets of ${topic}`, async () =>
        byPartition(await admin.fetchTopicOffsets(topic), ({ low, high }) => ({
          low: Number(low),
          high: Number(high),
        })),
      ),
    offsetsAt: (timeMs) =>
      asking(`ask for the offsets of ${topic} at a time`, async () =>
        byPartition(await admin.fetchTopicOffsetsByTimestamp(topic, timeMs), ({ offset }) => Number(offset)),
      ),
    committed: (groupId) =>
      asking(`ask what the group ${groupId} has committed`, async () => {
        const found = await askAboutGroup(kafka, groupId, () =>
          admin.fetchOffsets({ groupId, topics: [topic] }),
        );
        const partitions = found.flatMap((entry) => entry.partitions);
        return byPartition(
          partitions.filter(({ offset }) => Number(offset) >= 0),
          ({ offset }) => Number(offset),
        );
      }),
    close: () => admin.disconnect().finally(() => sever(kafka)),
  };
}

function byPartition<E extends { readonly partition: number }, T>(
  entries: readonly E[],
  of: (entry: E) => T,
): Map<number, T> {
  const sorted = [...entries].sort((a, b) => a.partition - b.partition);
  return new Map(sorted.map((entry) => [entry.partition, of(entry)]));
}

/** The list holds what the user may see; asking for the topic itself tells why it is not in it. */
async function requireTopic(admin: Admin, topic: string): Promise<void> {
  const topics = await admin.listTopics();
  if (topics.includes(topic)) return;
  await admin.fetchTopicMetadata({ topics: [topic] });
  throw new RestillError('KAFKA_TOPIC_UNKNOWN', `the broker lists no topic ${topic}; check \`topic\``);
}
