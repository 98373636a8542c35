// Topics on a test broker: made, filled with records whose partitions, keys and timestamps are kept, and cut
// at their beginning as retention does.
import { setTimeout as pause } from 'node:timers/promises';
import { type Admin, CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import type { SourceRecord } from '../../../src/contract.ts';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

/** A client of the test's own, beside the one that is tested. */
export const testClient = (bootstrap: string): Kafka =>
  new Kafka({
    clientId: 'test',
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 10 },
  });

export async function withAdmin<T>(bootstrap: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testClient(bootstrap).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

const createdMs = 20_000;

/** Resolves when the topic can be written to: kafkajs, asked to wait for that, gives up too early. */
export async function createTopic(
  bootstrap: string,
  topic: string,
  partitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await withAdmin(bootstrap, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, configEntries }],
    });
    const isThere = (): Promise<boolean> =>
      admin.fetchTopicOffsets(topic).then(
        (offsets) => offsets.length === partitions,
        () => false, // Not yet.
      );
    for (const end = Date.now() + createdMs; !(await isThere()); await pause(50))
      if (Date.now() > end) throw new Error(`topic ${topic} did not come`);
  });
}

/** Resolves when the group has committed so many records of the topic, counted over its partitions. */
export async function untilGroupCommitted(
  bootstrap: string,
  { group, topic, count }: { readonly group: string; readonly topic: string; readonly count: number },
): Promise<void> {
  const committed = (): Promise<number> =>
    withAdmin(bootstrap, async (admin) => {
      const found = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return found[0]!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    }).catch(() => 0); // A fresh broker does not know at first who coordinates the group.
  while ((await committed()) < count) await pause(20);
}

const sendBytesMax = 512 * 1024;

/** A producer, not connected yet, that sends each message to the partition that it names. */
export const producerByPartition = (bootstrap: string): Producer =>
  testClient(bootstrap).producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition!,
  });

/** Appends the records, each to its partition; offsets are given by the broker, from 0 in a new topic. */
export async function produce(
  bootstrap: string,
  records: readonly SourceRecord[],
  { topic = records[0]?.topic ?? '', compression = CompressionTypes.None } = {},
): Promise<void> {
  if (records.length === 0) return;
  const producer = producerByPartition(bootstrap);
  await producer.connect();
  try {
    const send = (part: readonly SourceRecord[]) =>
      producer.send({ topic, acks: -1, compression, messages: part.map(messageOf) });
    let part: SourceRecord[] = [];
    let bytes = 0;
    for (const record of records) {
      const size = (record.value?.length ?? 0) + 100;
      if (part.length > 0 && bytes + size > sendBytesMax) {
        await send(part);
        part = [];
        bytes = 0;
      }
      part.push(record);
      bytes += size;
    }
    if (part.length > 0) await send(part);
  } finally {
    await producer.disconnect();
  }
}

const bytesOf = (content: string | Uint8Array | null): Buffer | null =>
  content === null ? null : Buffer.from(content as Uint8Array);

function messageOf({ partition, key, value, timestampMs, headers }: SourceRecord) {
  return {
    partition,
    key: bytesOf(key),
    value: bytesOf(value),
    timestamp: String(timestampMs),
    headers: Object.fromEntries(headers),
  };
}

/** Retention: offsets below `offset` are gone. */
export async function deleteBefore(
  bootstrap: string,
  topic: string,
  partition: number,
  offset: number,
): Promise<void> {
  await withAdmin(bootstrap, async (admin) => {
    await admin.fetchTopicOffsets(topic); // Loads the metadata, without which the call after it fails.
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}
