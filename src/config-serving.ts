// The section `serve` of the configuration: the door of `restill serve`, and what waits behind it. Nothing
// here decides about weights.
import { z } from 'zod';
import type { Config } from './config.ts';
import { secret } from './config-kafka.ts';
import { count, duration, section, size } from './config-units.ts';

export const serve = section({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('address to listen on; others than loopback let anybody in who can reach it, without a token'),
  port: z.int().min(0).max(65_535).default(8080).describe('0: any free one'),
  token: secret.nullable().default(null).describe('bearer token that clients must send; null: none'),
  body_max: size('2MiB').describe('of a request'),
  documents_max: count(1000).describe('of a request'),
  text_max: count(65_536).describe('of a query or a document, in UTF-16 code units'),
  connections_max: count(512).describe('open at a time; further ones are closed at once'),
  request_timeout: duration('10s').describe('for a request to arrive whole, and for a connection to be idle'),
  answer_timeout: duration('10s').describe('from then to its answer'),
  threads: count(2).describe('that compute the scores of a student'),
  queue_max: count(2000).describe('pairs that wait or are being scored; further requests get 429'),
  batch_budget: duration('20ms').describe('that one batch should take; so long a request waits for a turn'),
  load_deadline: duration('1m').describe('for a generation to load and prove itself; else it is refused'),
  poll: duration('250ms').describe('how often the live pointer is looked at where the disk tells nothing'),
  candidate: z
    .boolean()
    .default(true)
    .describe('keep the newest generation that is not live loaded: rollback at once, twice the memory'),
  drain_deadline: duration('20s').describe('how long requests under way may take after SIGTERM'),
});

/** Relations between values, each with its reason. */
export const serveRules = ({ serve: s }: Pick<Config, 'serve'>): (readonly [boolean, string])[] => [
  [
    s.documentsMax <= s.queueMax,
    'serve.documents_max must be at most serve.queue_max: such a request never has room',
  ],
  [s.textMax <= s.bodyMax, 'serve.text_max must be at most serve.body_max: a longer text never arrives'],
];
