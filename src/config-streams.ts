// The sections of the configuration that decide about groups and the journal that holds them.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, duration, section, share, size } from './config-units.ts';

export const records = section({
  bytes_max: size('1MiB').describe('a larger record goes to the dead letters'),
  documents_shared: count(20_000).describe('documents whose texts are held once for all pages; only speed'),
  lookahead: count(512).describe('records read ahead to merge partitions and files by time'),
  lookahead_max: count(65_536).describe('bound on records held while a partition is silent'),
});

export const join = section({
  window: duration('30m').describe('event time an impression stays open for clicks'),
  lateness_max: duration('30m').describe(
    'event time after that in which a click still makes a correction group',
  ),
  open_max: count(100_000).describe('impressions held open; when full the oldest is closed early'),
  orphans_max: count(10_000).describe('clicks held whose impression has not come yet'),
});

export const watermark = section({
  disorder_max: duration('10s').describe('an event further behind its partition counts as late'),
  idle_timeout: duration('10m').describe(
    'event time after which a silent partition no longer holds the others up',
  ),
});

export const clicks = section({
  satisfied_dwell: duration('10s').describe(
    'a click with a shorter dwell is not taken as a sign of relevance',
  ),
  skip_above: z.boolean().default(true).describe('clicked is better than unclicked results above it'),
  skip_next: z.boolean().default(true).describe('clicked is better than the unclicked result just below it'),
  preferences_max: count(20).describe('per group'),
});

export const propensity = section({
  mode: z.enum(['none', 'table', 'estimated']).default('estimated'),
  table: z
    .array(z.number().gt(0).max(1))
    .default([1, 0.74, 0.59, 0.48, 0.4, 0.34, 0.3, 0.26, 0.23, 0.21])
    .describe('by position from 1; the last one holds for all below. Start values when estimated'),
  floor: z
    .number()
    .gt(0)
    .max(1)
    .default(0.05)
    .describe('lower bound on a propensity, so that weights are bounded'),
  weight_max: z.number().min(1).default(10).describe('clip of inverse-propensity weights'),
  cells: count(65_536).describe('size of the hashed table of query-document attractiveness'),
});

export const bots = section({
  events_per_minute_max: count(30).describe('a session above it is a bot'),
  sessions_max: count(200_000),
});

export const privacy = section({
  users_min: count(3).describe('distinct users that must have issued a query before it is kept'),
  queries_max: count(200_000).describe(
    'queries whose users are being counted; the oldest is forgotten first',
  ),
  redact: z.boolean().default(true).describe('e-mail, phone, card, IBAN and IP in queries'),
});

export const holdout = section({
  share: share(0.1).describe('of queries, by seeded hash of the normalised query; never trained on'),
});

export const journal = section({
  ring_max: count(100_000).describe('groups; ingest waits when the trainer is this far behind'),
  when_full: z
    .enum(['pause', 'shed'])
    .default('pause')
    .describe('pause: ingest waits for the trainer; shed: above shed_above only a sample of groups is kept'),
  shed_above: share(0.8).describe('of ring_max, from which groups are shed, until half of it'),
  shed_keep: share(0.1).describe(
    'of groups, by a seeded hash of their impression, that are kept all the same',
  ),
  recent_max: count(2_000, 0).describe('groups before the last generation that stay in the ring'),
  memory_max: count(20_000).describe('groups kept as a uniform sample of all that left the ring'),
  transaction_records: count(4_000).describe(
    'records whose effect is committed together; of a live topic up to twice as many, because what was ' +
      'read at a time is not divided',
  ),
});

/** Relations between values, each with its reason. */
export const streamsRules = (c: Config): (readonly [holds: boolean, reason: string])[] => [
  [c.records.lookahead <= c.records.lookaheadMax, 'records.lookahead must be at most records.lookahead_max'],
];
