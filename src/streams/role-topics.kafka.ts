// The topics between the roles: made where they are missing, and looked at where they are not.
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { Timer } from '../clock.ts';
import type { RolesConfig } from '../config-roles.ts';
import { RestillError } from '../errors.ts';
import { kafkaError } from './kafka-errors.ts';

export interface RoleTopicsOptions {
  readonly roles: RolesConfig;
  /** Partitions of the events topic. */
  readonly events: number;
  /** Of the largest message. */
  readonly bytesMax: number;
  readonly timer: Timer;
}

/** The newest segment is never compacted, and read by whoever takes a partition over: not the usual 1 GiB. */
const stateSegmentBytes = 32 * 1024 * 1024;

const askAgainMs = 200;
const attemptsMax = 100;

/** @throws RestillError TOPIC_UNSUITED, KAFKA_* */
export async function requireRoleTopics(kafka: Kafka, options: RoleTopicsOptions): Promise<void> {
  const { pages, state, groups, labels, retention } = options.roles;
  const size = ['max.message.bytes', String(options.bytesMax)] as const;
  const kept = [['retention.ms', '-1'], ['retention.bytes', String(retention)], size] as const;
  const segment = ['segment.bytes', String(Math.max(stateSegmentBytes, options.bytesMax))] as const;
  const compacted = [['cleanup.policy', 'compact'], segment, size] as const;
  const topics = [pages, groups, labels].filter((topic) => topic !== null);
  const admin = kafka.admin();
  try {
    await admin.connect();
    for (const topic of topics) await requireOne(admin, topic, kept, options);
    await requireOne(admin, state, compacted, options);
    await requireCompacted(admin, state);
  } catch (error) {
    throw kafkaError(error, `look at the topics ${[...topics, state].join(', ')}`);
  } finally {
    await admin.disconnect();
  }
}

async function requireOne(
  admin: Admin,
  topic: string,
  settings: readonly (readonly [name: string, value: string])[],
  { roles, events, timer }: RoleTopicsOptions,
): Promise<void> {
  const existing = await admin.listTopics();
  if (!existing.includes(topic))
    await admin.createTopics({
      // kafkajs, asked to wait for leaders, gives up too early.
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: Math.max(events, roles.partitions ?? events),
          replicationFactor: roles.replication,
          configEntries: settings.map(([name, value]) => ({ name, value })),
        },
      ],
    });
  const partitions = await partitionsOf(admin, topic, timer);
  const wanted = Math.max(events, roles.partitions ?? events);
  if (partitions.length < wanted || (roles.partitions !== null && partitions.length !== roles.partitions))
    throw unsuited(topic, `${partitions.length} partitions`, `${roles.partitions ?? `at least ${wanted}`}`);
  const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
  if (replicas < roles.replication)
    throw unsuited(topic, `${replicas} replicas`, `${roles.replication} (roles.replication)`);
}

/** A topic that was just made may not be known to all brokers yet. */
async function partitionsOf(admin: Admin, topic: string, timer: Timer) {
  for (let attempt = 0; ; attempt++) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]!.partitions;
      if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return partitions;
    } catch (error) {
      if (attempt >= attemptsMax) throw error;
    }
    if (attempt >= attemptsMax) throw unsuited(topic, 'no leader for a partition', 'one for each');
    await new Promise<void>((resolve) => timer.after(askAgainMs, resolve));
  }
}

/** Where retention deletes it, a builder would begin anew and hand everything over twice. */
async function requireCompacted(admin: Admin, topic: string): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }],
  });
  const found = resources[0]?.configEntries[0]?.configValue;
  if (found !== 'compact') throw unsuited(topic, `cleanup.policy=${found}`, 'compact');
}

const unsuited = (topic: string, found: string, expected: string): RestillError =>
  new RestillError(
    'TOPIC_UNSUITED',
    `the topic ${topic} has ${found}, expected ${expected}; change the topic, ` +
      'or name others in `roles` and let restill make them',
  );
