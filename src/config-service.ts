// The sections `trainer`, `run` and `admin` of the configuration: the trainer as a process, how a run ends,
// and what it shows of itself. Only threads and oneDNN decide about weights.
import { z } from 'zod';
import type { Config } from './config.ts';
import { secret } from './config-kafka.ts';
import { count, duration, section } from './config-units.ts';

export const trainer = section({
  threads: count(2).describe('of TensorFlow; changes the bits of the result, so it is part of a generation'),
  onednn: z.boolean().default(true).describe('likewise'),
  restarts_max: count(5, 0).describe(
    'of a trainer process that dies, within restarts_window; then it is given up, and ingest goes on',
  ),
  restarts_window: duration('30m'),
  backoff_min: duration('1s').describe('before the first restart; doubled at each further one'),
  backoff_max: duration('1m'),
});

export const run = section({
  drain_deadline: duration('25s').describe(
    'how long a stop may take; then the trainer is killed. Below what kills the daemon itself',
  ),
});

export const admin = section({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('address to listen on; who only reads needs no password, so let in whom you trust'),
  port: z.int().min(0).max(65_535).nullable().default(9464).describe('0: any free one; null: no server'),
  token: secret
    .nullable()
    .default(null)
    .describe('what an operator sends to promote or roll back in the console; null: nobody can, there'),
  connections_max: count(64).describe('open at a time; further ones are closed at once'),
  request_timeout: duration('10s').describe('for a request to arrive, and for its answer'),
});

/** Relations between values, each with its reason. */
export const trainerRules = (t: Config['trainer']): (readonly [holds: boolean, reason: string])[] => [
  [
    t.backoffMin <= t.backoffMax,
    'trainer.backoff_min must be at most trainer.backoff_max: the wait between restarts grows',
  ],
  [
    t.restartsWindow > t.restartsMax * t.backoffMax,
    'trainer.restarts_window must be longer than restarts_max x backoff_max, ' +
      'or a trainer that dies at once is never given up',
  ],
];
