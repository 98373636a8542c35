// The configuration: schema, defaults, units -> a frozen Config without optionals.
// In yaml keys are snake_case and durations and sizes are written with their unit ("30m", "64MiB");
// in a Config keys are camelCase, durations are milliseconds and sizes are bytes.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { events, eventsRules } from './config-events.ts';
import { gate } from './config-gate.ts';
import { kafka, kafkaRules } from './config-kafka.ts';
import * as learning from './config-learning.ts';
import * as models from './config-models.ts';
import { roles, rolesRules } from './config-roles.ts';
import { admin, run, trainer, trainerRules } from './config-service.ts';
import { serve, serveRules } from './config-serving.ts';
import * as streams from './config-streams.ts';
import { remoteTeacherRules } from './config-teacher.ts';
import { topics, topicsRules, topicsSettings } from './config-topics.ts';
import { RestillError } from './errors.ts';

export const schema = z.strictObject({
  seed: z.int().min(0).default(1).describe('every random choice follows from it'),
  topic: z.string().nullable().default(null).describe('the topic to accept; null: any, but only one'),
  topics,
  kafka,
  events,
  records: streams.records,
  join: streams.join,
  watermark: streams.watermark,
  clicks: streams.clicks,
  propensity: streams.propensity,
  bots: streams.bots,
  privacy: streams.privacy,
  holdout: streams.holdout,
  journal: streams.journal,
  vocabulary: models.vocabulary,
  teacher: models.teacher,
  student: models.student,
  pretrain: learning.pretrain,
  finetune: learning.finetune,
  distill: learning.distill,
  labels: learning.labels,
  replay: learning.replay,
  turns: learning.turns,
  evaluation: learning.evaluation,
  checkpoint: learning.checkpoint,
  gate,
  trainer,
  run,
  roles,
  admin,
  serve,
});

type Camel<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;
type Camelized<T> = T extends readonly (infer E)[]
  ? readonly Camelized<E>[]
  : T extends object
    ? { readonly [K in keyof T & string as Camel<K>]: Camelized<T[K]> }
    : T;

export type Config = Camelized<z.output<typeof schema>>;

/** What a configuration file may hold, as JSON Schema: for editors and as its documentation. */
export const jsonSchema = (): object => ({ title: 'restill', ...z.toJSONSchema(schema, { io: 'input' }) });

/** Validates, fills in defaults, converts units, checks the relations between values, freezes. */
export function parseConfig(input: unknown): Config {
  const parsed = schema.safeParse(input ?? {});
  if (!parsed.success) {
    const problems = parsed.error.issues.map((i) => `  ${i.path.join('.') || '(top)'}: ${i.message}`);
    throw new RestillError(
      'CONFIG_INVALID',
      `the configuration has ${problems.length} problem(s):\n${problems.join('\n')}`,
    );
  }
  const config = camelize(parsed.data) as Config;
  relate(config);
  return config;
}

/** What decides about the journal's content. Other settings mean another journal. */
export const streamsSettings = (c: Config): Readonly<Record<string, unknown>> => ({
  seed: c.seed,
  topic: c.topic,
  events: c.events,
  records: c.records,
  join: c.join,
  watermark: c.watermark,
  clicks: c.clicks,
  propensity: c.propensity,
  bots: c.bots,
  privacy: c.privacy,
  holdout: c.holdout,
  ...topicsPart(c),
});

/** Nothing without further topics: digests are then what they were before there were any. */
const topicsPart = ({ topics: t }: Config): { readonly topics?: object } => {
  const settings = topicsSettings(t);
  return settings === null ? {} : { topics: settings };
};

export const streamsDigest = (c: Config): string => digest(streamsSettings(c));

/** Digest of everything that decides about the weights. A generation of another digest is foreign. */
export const configDigest = (c: Config): string => {
  // What is only measured or kept, and where the measuring files lie, decides about no weight.
  const {
    checkpoint: _retention,
    gate: _gate,
    evaluation: _evaluation,
    run: _run,
    roles: _roles,
    admin: _admin,
    serve: _serve,
    kafka: _kafka,
    topics: _topics,
    ...rest
  } = c;
  // Nor does how often the trainer is started again.
  const { threads, onednn } = c.trainer;
  // Nor where a model lies that training began with; what it held stands in the manifest (`starts`).
  const student = { ...c.student, start: c.student.start && 'given' };
  // Nor which groups the journal takes in while it is nearly full: what is in it, it says itself. So who
  // cannot keep up may begin to shed and go on.
  const { whenFull: _whenFull, shedAbove: _shedAbove, shedKeep: _shedKeep, ...journal } = c.journal;
  // Nor where a remote teacher is asked; which model answers there is its version. Nor what is computed
  // twice: the bits are the same, and who runs out of memory may switch it on and go on.
  const teacher = {
    ...c.teacher,
    start: c.teacher.start && 'given',
    remote: null,
    recompute: false,
  };
  return digest([{ ...rest, journal, student, teacher, trainer: { threads, onednn }, ...topicsPart(c) }]);
};

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

function camelize(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(camelize));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, v]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    camelize(v),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

/** Relations between values, each with its reason. */
function relate(c: Config): void {
  const rules: (readonly [boolean, string])[] = [
    ...kafkaRules(c.kafka),
    ...trainerRules(c.trainer),
    ...serveRules(c),
    ...eventsRules(c.events),
    ...topicsRules(c),
    ...rolesRules(c),
    ...remoteTeacherRules(c.teacher),
    ...streams.streamsRules(c),
    ...models.modelsRules(c),
    ...learning.learningRules(c),
  ];
  const broken = rules.filter(([holds]) => !holds).map(([, text]) => `  ${text}`);
  if (broken.length > 0)
    throw new RestillError('CONFIG_INVALID', `the configuration contradicts itself:\n${broken.join('\n')}`);
}
