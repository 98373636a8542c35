// The `roles` section of the configuration: the topics between `restill run --role builder` and
// `--role trainer`. Decides about nothing that is learnt.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, duration, section, size } from './config-units.ts';

/** What Kafka takes for a topic. */
const name = z.string().regex(/^[\w.-]{1,249}$/, 'expected the name of a topic');
const topic = (fallback: string) => name.default(fallback);

export const roles = section({
  pages: topic('restill.pages').describe('what builders hand over to the trainer'),
  state: topic('restill.state').describe('the state of the builders, by which a partition moves; compacted'),
  groups: name
    .nullable()
    .default(null)
    .describe('what the trainer has admitted, for scorers; null: there are none'),
  labels: name
    .nullable()
    .default(null)
    .describe('what scorers make of it: scores of teacher.remote, ahead of the SCORE turn'),
  partitions: count(1)
    .nullable()
    .default(null)
    .describe('of each; at least those of `topic`. Null: as many as `topic` has when they are made'),
  replication: count(1).describe('replicas of each, where they are made'),
  retention: size('16GiB').describe(
    'of each partition, but for the state. By size, not by age: timestamps are those of events',
  ),
  transaction_timeout: duration('1m').describe(
    'after which the broker aborts a transaction that a builder left behind; until then the trainer waits',
  ),
});

export type RolesConfig = Config['roles'];

/** Relations between values, each with its reason. */
export function rolesRules({ topic: events, roles: r, teacher }: Config): (readonly [boolean, string])[] {
  const topics = [events, r.pages, r.state, r.groups, r.labels].filter((found) => found !== null);
  return [
    [new Set(topics).size === topics.length, 'the topics in roles, and topic, must be different ones'],
    [
      (r.groups === null) === (r.labels === null),
      'roles.groups and roles.labels belong together: give both or none',
    ],
    [
      r.labels === null || teacher.remote !== null,
      'roles.labels needs teacher.remote: an embedded teacher is where it is trained',
    ],
  ];
}
