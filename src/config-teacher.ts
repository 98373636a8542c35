// `teacher.remote`: a teacher that is trained and served elsewhere, asked for scores over HTTP.
import { z } from 'zod';
import type { Config } from './config.ts';
import { secret } from './config-kafka.ts';
import { count, duration } from './config-units.ts';

export const teacherKind = z
  .enum(['embedded', 'remote'])
  .default('embedded')
  .describe('remote: PRETRAIN and FINETUNE do nothing, and teacher.remote gives the scores');

export const remoteTeacher = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .refine((text) => !/^https?:\/\/[^/]*@/.test(text), 'no user and password in it: give token')
      .describe('of the server, without /score or /rerank'),
    api: z.enum(['vllm', 'tei']).describe('vLLM: POST /score; Text Embeddings Inference: POST /rerank'),
    model: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'its id, which is the version of the teacher: a new id is a new one; null: asked of the server',
      ),
    token: secret.nullable().default(null).describe('sent as a bearer token'),
    batch: count(32).describe(
      'documents of one query in a request, at most; servers have a bound of their own',
    ),
    concurrency: count(4).describe('requests at a time'),
    timeout: duration('30s').describe('of a request'),
    deadline: duration('10m').describe('of all requests of a SCORE turn; then the trainer starts again'),
    retries_max: count(6, 0).describe('of a request that failed and may not fail again'),
    backoff_min: duration('500ms').describe(
      'before the first retry; doubled at each further one, less a jitter',
    ),
    backoff_max: duration('30s'),
    breaker_failures: count(5).describe('in a row, over all requests: then none is sent for breaker_pause'),
    breaker_pause: duration('15s').describe('after which one is sent as a trial'),
  })
  .nullable()
  .default(null);

export type RemoteTeacherConfig = NonNullable<Config['teacher']['remote']>;

/** Relations between values, each with its reason. */
export function remoteTeacherRules({
  kind,
  remote,
  ...teacher
}: Config['teacher']): (readonly [boolean, string])[] {
  const rules: (readonly [boolean, string])[] = [
    [
      (kind === 'remote') === (remote !== null),
      'teacher.remote and teacher.kind: remote belong together: give both or none',
    ],
  ];
  if (remote === null) return rules;
  return [
    ...rules,
    [
      teacher.start === null && teacher.adapter === null,
      'teacher.start and teacher.adapter are for an embedded teacher: a remote one has its weights elsewhere',
    ],
    [
      remote.backoffMin <= remote.backoffMax,
      'teacher.remote.backoff_min must be at most backoff_max: the wait between retries grows',
    ],
    [
      remote.timeout < remote.deadline,
      'teacher.remote.deadline must be longer than timeout: a turn is at least one request',
    ],
  ];
}
