// The `kafka` section of the configuration: how to reach the broker, and how the topic is read. None of it
// decides about what is in the journal, so none of it is part of a digest: a broker may move.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, duration, section, size } from './config-units.ts';

/** Never the secret itself: configurations are logged, digested and committed. */
export const secret = z.union(
  [
    z.strictObject({ env: z.string().min(1) }).describe('the name of an environment variable'),
    z.strictObject({ file: z.string().min(1) }).describe('a file; white space at its end is cut off'),
  ],
  'expected {env: NAME} or {file: PATH}: secrets are never written into a configuration',
);

const tls = z.strictObject({
  ca: z.string().nullable().default(null).describe('PEM file; null: the authorities that Node.js knows'),
  certificate: z.string().nullable().default(null).describe('PEM file, for mutual TLS'),
  key: secret.nullable().default(null).describe('of the certificate, PEM'),
  server_name: z.string().nullable().default(null).describe('to expect instead of the host name'),
});

const sasl = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
  username: z.string().min(1),
  password: secret,
});

export const kafka = section({
  brokers: z
    .array(z.string().regex(/^[^\s:]+:\d{1,5}$|^\[[^\s\]]+\]:\d{1,5}$/, 'expected host:port'))
    .default([])
    .describe('to begin with; they tell the others'),
  client_id: z.string().min(1).default('restill'),
  group: z.string().min(1).default('restill').describe('the consumer group'),
  shared: z
    .boolean()
    .default(false)
    .describe('several daemons are in the group, each with its own journal; partitions move between them'),
  tls: tls.nullable().default(null),
  sasl: sasl.nullable().default(null),
  on_gap: z
    .enum(['halt', 'continue'])
    .default('halt')
    .describe('when records were deleted before they were read'),
  dead_letters: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('a topic that gets a copy of what goes into dead-letters.jsonl'),
  session_timeout: duration('30s').describe('after which a silent member is taken as gone'),
  heartbeat_every: duration('3s'),
  connect_timeout: duration('10s'),
  request_timeout: duration('30s'),
  away_max: duration('10m').describe('how long no broker may answer; then on_away'),
  on_away: z
    .enum(['wait', 'halt'])
    .default('wait')
    .describe('wait: not ready, and tried on and on; halt: the run ends with KAFKA_UNREACHABLE'),
  retries_max: count(8, 0).describe('of one request, before the connection is made anew'),
  commit_every: duration('5s').describe('at most; the group commit is for lag tools and trails the journal'),
  metadata_every: duration('1m').describe('how often it is asked whether there are new partitions'),
  fetch_wait: duration('500ms').describe('how long the broker may wait for a record'),
  fetch_bytes_max: size('1MiB').describe('per partition and fetch'),
  buffer_max: size('64MiB').describe('of records that wait for their turn, over all partitions'),
  idle_timeout: duration('5s').describe(
    'after which a partition that should have records and brings none no longer holds the others up',
  ),
  linger: duration('200ms').describe('how long records are gathered for a transaction'),
});

export type KafkaConfig = Config['kafka'];

/** Relations between values, each with its reason. */
export const kafkaRules = (k: KafkaConfig): (readonly [holds: boolean, reason: string])[] => [
  [
    2 * k.heartbeatEvery < k.sessionTimeout,
    'kafka.session_timeout must be more than two kafka.heartbeat_every: one heartbeat may be lost',
  ],
  [
    k.awayMax > 3 * k.sessionTimeout,
    'kafka.away_max must be more than three kafka.session_timeout: a rebalance may take two, in silence',
  ],
  [
    k.fetchWait < k.requestTimeout,
    'kafka.fetch_wait must be below kafka.request_timeout: a fetch that waits is no failure',
  ],
  [
    k.tls === null || (k.tls.certificate === null) === (k.tls.key === null),
    'kafka.tls.certificate and .key belong together: give both or none',
  ],
];
