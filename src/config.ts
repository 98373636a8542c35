// The configuration: schema, defaults, units -> a frozen Config without optionals.
// In yaml keys are snake_case and durations and sizes are written with their unit ("30m", "64MiB");
// in a Config keys are camelCase, durations are milliseconds and sizes are bytes.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { events, eventsRules } from './config-events.ts';
import { kafka, kafkaRules } from './config-kafka.ts';
import { admin, run, trainer, trainerRules } from './config-service.ts';
import { remoteTeacher, remoteTeacherRules, teacherKind } from './config-teacher.ts';
import { count, duration, rate, section, share, size } from './config-units.ts';
import { RestillError } from './errors.ts';

const start = () =>
  z
    .string()
    .nullable()
    .default(null)
    .describe(
      'a Hugging Face directory to start from, which then says the sizes; or hf:ORG/NAME or ' +
        'hf:ORG/NAME@REV, which `restill pull` has fetched; null: random weights',
    );

const optimizer = {
  learning_rate: rate(1e-3).describe('reached after the warm-up, then constant'),
  warmup_steps: count(100, 0).describe('linear from zero'),
  weight_decay: z.number().min(0).default(0.01).describe('decoupled (AdamW); not on biases and norms'),
  clip_norm: rate(1).describe('global gradient norm'),
};

const accumulate = () =>
  count(1).describe('parts that a batch is worked off in: less memory, the same step but for rounding');

/** The linear modules of a decoder's layers. */
const adaptedModules = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

export const schema = z.strictObject({
  seed: z.int().min(0).default(1).describe('every random choice follows from it'),
  topic: z.string().nullable().default(null).describe('the topic to accept; null: any, but only one'),
  kafka,
  events,
  records: section({
    bytes_max: size('1MiB').describe('a larger record goes to the dead letters'),
    documents_shared: count(20_000).describe('documents whose texts are held once for all pages; only speed'),
    lookahead: count(512).describe('records read ahead to merge partitions and files by time'),
    lookahead_max: count(65_536).describe('bound on records held while a partition is silent'),
  }),
  join: section({
    window: duration('30m').describe('event time an impression stays open for clicks'),
    lateness_max: duration('30m').describe(
      'event time after that in which a click still makes a correction group',
    ),
    open_max: count(100_000).describe('impressions held open; when full the oldest is closed early'),
    orphans_max: count(10_000).describe('clicks held whose impression has not come yet'),
  }),
  watermark: section({
    disorder_max: duration('10s').describe('an event further behind its partition counts as late'),
    idle_timeout: duration('10m').describe(
      'event time after which a silent partition no longer holds the others up',
    ),
  }),
  clicks: section({
    satisfied_dwell: duration('10s').describe(
      'a click with a shorter dwell is not taken as a sign of relevance',
    ),
    skip_above: z.boolean().default(true).describe('clicked is better than unclicked results above it'),
    skip_next: z
      .boolean()
      .default(true)
      .describe('clicked is better than the unclicked result just below it'),
    preferences_max: count(20).describe('per group'),
  }),
  propensity: section({
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
  }),
  bots: section({
    events_per_minute_max: count(30).describe('a session above it is a bot'),
    sessions_max: count(200_000),
  }),
  privacy: section({
    users_min: count(3).describe('distinct users that must have issued a query before it is kept'),
    queries_max: count(200_000).describe(
      'queries whose users are being counted; the oldest is forgotten first',
    ),
    redact: z.boolean().default(true).describe('e-mail, phone, card, IBAN and IP in queries'),
  }),
  holdout: section({
    share: share(0.1).describe('of queries, by seeded hash of the normalised query; never trained on'),
  }),
  journal: section({
    ring_max: count(100_000).describe('groups; ingest waits when the trainer is this far behind'),
    recent_max: count(2_000, 0).describe('groups before the last generation that stay in the ring'),
    memory_max: count(20_000).describe('groups kept as a uniform sample of all that left the ring'),
    transaction_records: count(4_000).describe('records whose effect is committed together'),
  }),
  vocabulary: section({
    path: z.string().nullable().default(null).describe('a tokenizer.json; null: built from the first groups'),
    size: count(4_096, 300).describe('of a built vocabulary'),
    groups: count(500).describe('groups a vocabulary is built from; never holdout ones'),
  }),
  teacher: section({
    kind: teacherKind,
    remote: remoteTeacher,
    start: start(),
    layers: count(2),
    hidden: count(128),
    heads: count(4),
    key_value_heads: count(2),
    intermediate: count(352),
    tokens_max: count(64, 8),
    adapter: z
      .strictObject({
        rank: count(16),
        alpha: rate(32).describe('what the adapter adds counts alpha / rank times'),
        target_modules: z
          .array(z.enum(adaptedModules))
          .min(1)
          .default([...adaptedModules]),
      })
      .nullable()
      .default(null)
      .describe('LoRA: train this beside teacher.start, whose weights stay; null: train all weights'),
    recompute: z
      .boolean()
      .default(false)
      .describe('compute layers again in the backward pass: less memory, a third more time, the same bits'),
  }),
  student: section({
    start: start(),
    layers_kept: z
      .array(z.int().min(0))
      .min(1)
      .nullable()
      .default(null)
      .describe('numbers of the layers to keep of student.start, for example [0, 2, 4]; null: all'),
    layers: count(2),
    hidden: count(128),
    heads: count(4),
    intermediate: count(512),
    tokens_max: count(64, 8),
    segments: z
      .enum(['bert', 'none'])
      .default('bert')
      .describe('token types; none for servers that drop them'),
  }),
  pretrain: section({
    ...optimizer,
    batch: count(32),
    accumulate: accumulate(),
    passes: count(1).describe('over the pairs of a cycle'),
    steps_max: count(50, 0).describe('per cycle; 0 switches continued pre-training off'),
  }),
  finetune: section({
    ...optimizer,
    batch: count(32).describe('preferences'),
    accumulate: accumulate(),
    passes: count(1).describe('over the preferences of a cycle'),
    steps_max: count(100, 0).describe('per cycle'),
    loss: z.enum(['ranknet', 'hinge']).default('ranknet'),
    margin: rate(1).describe('of the hinge'),
  }),
  distill: section({
    ...optimizer,
    batch: count(32).describe('pairs of a positive and a negative'),
    pairs_per_group: count(4).describe('drawn from the results of a group'),
    passes: count(1).describe('over the pairs of a cycle'),
    steps_max: count(100, 0).describe('per cycle'),
    point_weight: share(0.5).describe('w in w PointMSE + (1 - w) MarginMSE'),
  }),
  labels: section({
    staleness_max: count(2, 0).describe('teacher versions; an older label is scored again before use'),
    kept_max: count(200_000).describe('labels kept for reuse; the oldest is forgotten first'),
    batch: count(128).describe('sequences scored at a time, at most'),
    batch_tokens: count(8_192, 8).describe('tokens scored at a time, at most'),
  }),
  replay: section({
    share: share(0.25).describe('of each batch, drawn from the past'),
    per_query_max: count(20).describe('groups of one query in one turn'),
  }),
  turns: section({
    groups: count(500).describe('new groups per cycle'),
    snapshot_every: count(2).describe('cycles between generations'),
  }),
  evaluation: section({
    queries: z.string().nullable().default(null).describe('JSON lines: query_id, query'),
    documents: z.string().nullable().default(null).describe('JSON lines: doc_id, title, summary'),
    judgments: z.string().nullable().default(null).describe('TSV: query_id, doc_id, grade'),
    groups_max: count(400).describe('holdout groups kept for evaluation on clicks'),
  }),
  checkpoint: section({
    keep: count(3).describe('generations besides the live one'),
  }),
  gate: section({
    drop_max: z
      .number()
      .min(0)
      .default(0.01)
      .describe('holdout nDCG@10 may fall by this much against the live one'),
    queries_min: count(5).describe('fewer holdout queries: promote without proof, and say so'),
  }),
  trainer,
  run,
  admin,
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
});

export const streamsDigest = (c: Config): string => digest(streamsSettings(c));

/** Digest of everything that decides about the weights. A generation of another digest is foreign. */
export const configDigest = (c: Config): string => {
  // What is only measured or kept, and where the measuring files lie, decides about no weight.
  const {
    checkpoint: _retention,
    gate: _gate,
    evaluation: _evaluation,
    run: _run,
    admin: _admin,
    kafka: _kafka,
    ...rest
  } = c;
  // Nor does how often the trainer is started again.
  const { threads, onednn } = c.trainer;
  // Nor where a model lies that training began with; what it held stands in the manifest (`starts`).
  const student = { ...c.student, start: c.student.start && 'given' };
  // Nor where a remote teacher is asked; which model answers there is its version.
  const teacher = { ...c.teacher, start: c.teacher.start && 'given', remote: null };
  return digest([{ ...rest, student, teacher, trainer: { threads, onednn } }]);
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
  const { evaluation } = c;
  const rules: (readonly [boolean, string])[] = [
    ...kafkaRules(c.kafka),
    ...trainerRules(c.trainer),
    ...eventsRules(c.events),
    ...remoteTeacherRules(c.teacher),
    [
      c.records.lookahead <= c.records.lookaheadMax,
      'records.lookahead must be at most records.lookahead_max',
    ],
    [
      c.teacher.start !== null || c.teacher.hidden % c.teacher.heads === 0,
      'teacher.hidden must be a multiple of teacher.heads: heads share it equally',
    ],
    [
      c.teacher.heads % c.teacher.keyValueHeads === 0,
      'teacher.heads must be a multiple of teacher.key_value_heads: query heads are grouped over them',
    ],
    [
      c.teacher.start !== null || (c.teacher.hidden / c.teacher.heads) % 2 === 0,
      'teacher.hidden / teacher.heads must be even: rotary embeddings turn pairs of numbers',
    ],
    [
      c.teacher.adapter === null || c.teacher.start !== null,
      'teacher.adapter needs teacher.start, beside whose weights it is trained',
    ],
    [
      c.pretrain.accumulate <= c.pretrain.batch && c.finetune.accumulate <= c.finetune.batch,
      'accumulate must be at most batch, in pretrain and in finetune: no part of a batch is empty',
    ],
    [
      c.student.hidden % c.student.heads === 0,
      'student.hidden must be a multiple of student.heads: heads share it equally',
    ],
    [
      c.journal.ringMax >= c.turns.groups * c.turns.snapshotEvery + c.journal.recentMax,
      'journal.ring_max must hold turns.groups x turns.snapshot_every + journal.recent_max groups, ' +
        'or ingest and trainer wait for each other for ever',
    ],
    [
      c.student.start !== null || c.student.layersKept === null,
      'student.layers_kept needs student.start, whose layers they are',
    ],
    [
      c.student.start === null || c.vocabulary.path === null,
      'vocabulary.path must be null with student.start, which brings its own tokenizer',
    ],
    [
      c.journal.ringMax >= c.vocabulary.groups,
      'journal.ring_max must hold vocabulary.groups, from which the vocabulary is built',
    ],
    [
      c.labels.keptMax >= 2 * c.distill.batch * c.distill.stepsMax,
      'labels.kept_max must hold 2 x distill.batch x distill.steps_max labels: ' +
        'what one turn of distillation uses',
    ],
    [
      new Set([evaluation.queries, evaluation.documents, evaluation.judgments].map((file) => file === null))
        .size === 1,
      'evaluation.queries, .documents and .judgments belong together: give all three or none',
    ],
  ];
  const broken = rules.filter(([holds]) => !holds).map(([, text]) => `  ${text}`);
  if (broken.length > 0)
    throw new RestillError('CONFIG_INVALID', `the configuration contradicts itself:\n${broken.join('\n')}`);
}
