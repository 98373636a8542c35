// What is asked of a broker about topics, beside reading them.
import type { Admin, Kafka } from 'kafkajs';
import { RestillError } from '../errors.ts';
import { askAboutGroup, sever } from './kafka-client.kafka.ts';
import { kafkaError } from './kafka-errors.ts';
import { partitionKey } from './watermark.ts';

/** First offset that the broker has, and the one after the last. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Partitions go by `topic/partition`: the topics in their order, partition numbers ascending. */
export interface TopicDesk {
  readonly topics: readonly string[];
  /** @throws RestillError KAFKA_* */
  ranges(): Promise<Map<string, Range>>;
  /** The first offset whose record is at least that old, per partition; `high` where there is none. */
  offsetsAt(timeMs: number): Promise<Map<string, number>>;
  /**
   * Next offset as the group has committed it; partitions without one are absent.
   * @throws RestillError KAFKA_DENIED where the user may not read the group, KAFKA_UNREACHABLE
   */
  committed(group: string): Promise<Map<string, number>>;
  /** After everything else that uses the client: cuts what of it is still open. */
  close(): Promise<void>;
}

/** Asked for at start: an operator is waiting for the answer. */
const attempts = 2;

/**
 * Connects, and makes sure of the topics.
 * @throws RestillError KAFKA_UNREACHABLE, KAFKA_DENIED, KAFKA_UNTRUSTED, KAFKA_TOPIC_UNKNOWN
 */
export async function openTopicDesk(kafka: Kafka, topics: readonly string[]): Promise<TopicDesk> {
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
    for (const topic of topics) await asking(`find the topic ${topic}`, () => requireTopic(admin, topic));
  } catch (error) {
    await admin.disconnect().catch(() => {}); // The error before it is the one that matters.
    sever(kafka);
    throw error;
  }
  const ofEach = async <E extends Numbered, T>(
    what: string,
    entries: (topic: string) => Promise<readonly E[]>,
    of: (entry: E) => T,
  ): Promise<Map<string, T>> => {
    const found = await Promise.all(
      topics.map((topic) => asking(`ask for ${what} of ${topic}`, () => entries(topic))),
    );
    return new Map(topics.flatMap((topic, at) => byPartition(topic, found[at]!, of)));
  };
  return {
    topics,
    ranges: () =>
      ofEach(
        'the offsets',
        (topic) => admin.fetchTopicOffsets(topic),
        ({ low, high }) => ({ low: Number(low), high: Number(high) }),
      ),
    offsetsAt: (timeMs) =>
      ofEach(
        'the offsets at a time',
        (topic) => admin.fetchTopicOffsetsByTimestamp(topic, timeMs),
        ({ offset }) => Number(offset),
      ),
    committed: (groupId) =>
      asking(`ask what the group ${groupId} has committed`, async () => {
        const found = await askAboutGroup(kafka, groupId, () =>
          admin.fetchOffsets({ groupId, topics: [...topics] }),
        );
        const known = found.map(({ topic, partitions }) => {
          const committed = partitions.filter(({ offset }) => Number(offset) >= 0);
          return byPartition(topic, committed, ({ offset }) => Number(offset));
        });
        return new Map(known.flat());
      }),
    close: () => admin.disconnect().finally(() => sever(kafka)),
  };
}

interface Numbered {
  readonly partition: number;
}

function byPartition<E extends Numbered, T>(
  topic: string,
  entries: readonly E[],
  of: (entry: E) => T,
): [key: string, T][] {
  const sorted = [...entries].sort((a, b) => a.partition - b.partition);
  return sorted.map((entry) => [partitionKey({ topic, partition: entry.partition }), of(entry)]);
}

/** The list holds what the user may see; asking for the topic itself tells why it is not in it. */
async function requireTopic(admin: Admin, topic: string): Promise<void> {
  const topics = await admin.listTopics();
  if (topics.includes(topic)) return;
  await admin.fetchTopicMetadata({ topics: [topic] });
  throw new RestillError(
    'KAFKA_TOPIC_UNKNOWN',
    `the broker lists no topic ${topic}; check \`topic\` and \`topics\``,
  );
}
