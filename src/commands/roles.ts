// What the roles of `restill run` share: which there are, the topics between them, and how the trainer sees
// the world.
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { requireRoleTopics } from '../streams/role-topics.kafka.ts';
import { placeOfKey } from '../streams/watermark.ts';
import { openBroker } from './broker.ts';

const roles = ['all', 'builder', 'scorer', 'trainer'] as const;
export type Role = (typeof roles)[number];

export function parseRole(text: string): Role {
  if ((roles as readonly string[]).includes(text)) return text as Role;
  throw new InvalidArgumentError(`expected one of ${roles.join(', ')}`);
}

/** A page with a hundred clicks and its quotation marks, of a record of the largest size. */
const bytesMax = ({ records }: Config): number => 2 * records.bytesMax + 65_536;

/** Reads one of the topics between the roles, as a group of its own, instead of the events. */
export const readingConfig = (config: Config, topic: string): Config => ({
  ...config,
  topic,
  topics: { ...config.topics, documents: null, documentsKnownBefore: null },
  records: { ...config.records, bytesMax: bytesMax(config) },
  kafka: { ...config.kafka, group: `${config.kafka.group}.trainer`, shared: false },
});

/**
 * Makes the topics between the roles, as many partitions as the events have, or looks at them.
 * @throws RestillError TOPIC_UNSUITED, KAFKA_*
 */
export async function prepareRoleTopics(config: Config): Promise<void> {
  const { kafka, desk } = await openBroker(config, () => {});
  try {
    const places = [...(await desk.ranges()).keys()].map(placeOfKey);
    const events = places.filter(({ topic }) => topic === config.topic).length;
    const options = { roles: config.roles, events, bytesMax: bytesMax(config), timer: systemClock };
    await requireRoleTopics(kafka, options);
  } finally {
    await desk.close();
  }
}
