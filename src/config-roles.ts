// The `roles` section of the configuration: the topics between `restill run --role builder` and
// `--role trainer`. Decides about nothing that is learnt.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, duration, section, size } from './config-units.ts';

/** What Kafka takes for a topic. */
const topic = (fallback: string) =>
  z
    .string()
    .regex(/^[\w.-]{1,249}$/, 'expected the name of a topic')
    .default(fallback);

export const roles = section({
  pages: topic('restill.pages').describe('what builders hand over to the trainer'),
  state: topic('restill.state').describe('the state of the builders, by which a partition moves; compacted'),
  partitions: count(1)
    .nullable()
    .default(null)
    .describe('of both; at least those of `topic`. Null: as many as `topic` has when they are made'),
  replication: count(1).describe('replicas of both, where they are made'),
  retention: size('16GiB').describe(
    'of each partition of pages. By size, not by age: timestamps are those of the events, which may be old',
  ),
  transaction_timeout: duration('1m').describe(
    'after which the broker aborts a transaction that a builder left behind; until then the trainer waits',
  ),
});

export type RolesConfig = Config['roles'];

/** Relations between values, each with its reason. */
export const rolesRules = (c: Config): (readonly [holds: boolean, reason: string])[] => [
  [
    new Set([c.roles.pages, c.roles.state, c.topic]).size === 3,
    'roles.pages, roles.state and topic must be three topics',
  ],
];
