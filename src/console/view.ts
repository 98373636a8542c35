// What the console's API says and takes, as schemas: every answer is checked against its own before it
// leaves, and the page's scripts are type-checked against the same types. Times are milliseconds since the
// epoch; no ages, so that an answer stays the same (and its ETag) while nothing happens.
import { z } from 'zod';

const time = z.number().nullable();
const figures = z.record(z.string(), z.number());
const code = z.string();

const readiness = z.strictObject({
  ready: z.boolean(),
  /** The daemon's state; of `restill serve` what stands for it. */
  state: z.string(),
  obstacles: z.array(z.strictObject({ code, message: z.string() })),
});

const partition = z.strictObject({
  topic: z.string(),
  partition: z.string(),
  /** Between what is durable and the end. */
  lagRecords: z.number().nullable(),
  eventAt: time,
  watermarkAt: time,
  bufferedBytes: z.number().nullable(),
  paused: z.boolean(),
});

const stream = z.strictObject({
  partitions: z.array(partition),
  records: z.number().nullable(),
  deadLetters: z.number(),
  journal: z.strictObject({ groups: z.number(), capacity: z.number() }).nullable(),
});

const turn = z.strictObject({ turn: z.string(), count: z.number(), seconds: z.number() });

const trainer = z.strictObject({
  /** Null until its process has said anything. */
  up: z.boolean().nullable(),
  cursor: z.number().nullable(),
  backlogGroups: z.number().nullable(),
  steps: z.number().nullable(),
  restarts: z.number(),
  /** Age of the oldest label that the newest turn uses, in teacher versions. */
  labelAgeVersions: z.number().nullable(),
  /** Mean of the newest turn, by objective. */
  losses: figures,
  turns: z.array(turn),
});

/** What answers right now, which may not be what the pointer says: a generation can be refused. */
const serving = z.strictObject({
  generation: z.string().nullable(),
  since: time,
  tokensMax: z.number().nullable(),
  pairs: z.number(),
  queuedPairs: z.number(),
  swaps: z.number(),
  refusals: z.number(),
  lastRefusal: z
    .strictObject({ generation: z.string().nullable(), code, message: z.string(), at: z.number() })
    .nullable(),
});

/** Something that can be done here, or the reason why not. */
const ability = z.strictObject({ able: z.boolean(), reason: z.string().nullable() });

export const statusSchema = z.strictObject({
  server: z.enum(['run', 'serve']),
  version: z.string(),
  readiness,
  /** Null where nothing is read or learnt: `restill serve`. */
  stream: stream.nullable(),
  trainer: trainer.nullable(),
  serving: serving.nullable(),
  operator: ability,
  tryIt: ability,
});
export type Status = z.infer<typeof statusSchema>;

const generation = z.strictObject({
  id: z.string(),
  parent: z.string().nullable(),
  createdAt: z.number(),
  cursor: z.number(),
  scheduled: z.boolean(),
  bytes: z.number(),
  gate: z.strictObject({
    decision: z.enum(['PROMOTE', 'HOLD', 'REJECT']),
    reason: z.string(),
    figures,
  }),
  lineage: z.strictObject({
    topic: z.string(),
    offsets: figures,
    eventFrom: time,
    eventTo: time,
    teacherVersion: z.number(),
    replayShare: z.number(),
  }),
  metrics: figures,
  configDigest: z.string(),
  weightsSha256: z.strictObject({ student: z.string(), teacher: z.string() }),
});
export type GenerationView = z.infer<typeof generation>;

const curve = z.strictObject({
  /** `judgments`, `clicks`, `prequential`. */
  on: z.string(),
  /** `ndcg10`, `pnr`, `mrr`. */
  measure: z.string(),
  /** Groups learnt, ascending. */
  cursors: z.array(z.number()),
  /** One value per cursor; null where it was not measured. */
  lines: z.array(z.strictObject({ ranker: z.string(), values: z.array(z.number().nullable()) })),
});
export type Curve = z.infer<typeof curve>;

export const historySchema = z.strictObject({
  live: z.string().nullable(),
  /** Where a rollback would go; null: nowhere. */
  before: z.string().nullable(),
  /** Oldest first. */
  generations: z.array(generation),
  curves: z.array(curve),
});
export type History = z.infer<typeof historySchema>;

export const differenceSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  /** Only what differs. */
  facts: z.array(z.strictObject({ name: z.string(), from: z.string(), to: z.string() })),
  /** What either of them has, by name; null: not measured there. */
  figures: z.array(
    z.strictObject({ name: z.string(), from: z.number().nullable(), to: z.number().nullable() }),
  ),
});
export type Difference = z.infer<typeof differenceSchema>;

export const movedSchema = z.strictObject({ live: z.string(), before: z.string().nullable() });

const ranking = z.union([
  z.strictObject({
    generation: z.string(),
    /** Logits, in the order of the documents. */
    scores: z.array(z.number()),
    milliseconds: z.number(),
  }),
  z.strictObject({ error: z.strictObject({ code, message: z.string() }) }),
]);

export const triedSchema = z.strictObject({ live: ranking, candidate: ranking });
export type Tried = z.infer<typeof triedSchema>;

export const failureSchema = z.strictObject({ error: z.strictObject({ code, message: z.string() }) });

// ---------------------------------------------------------------- requests

/** What a page may ask to be ranked at once: bounded, as everything is. */
const tryBounds = { documentsMax: 50, characters: 4_000, queryCharacters: 1_000 } as const;

const reason = z.string().trim().min(3, 'say why, in three characters or more').max(500);
const who = z.string().trim().min(1, 'say who you are').max(100);

export const promoteRequest = z.strictObject({ generation: z.string().max(40), who, reason });
export const rollbackRequest = z.strictObject({ who, reason });
export const differenceRequest = z.strictObject({ from: z.string().max(40), to: z.string().max(40) });
export const tryRequest = z.strictObject({
  query: z.string().trim().min(1, 'give a query').max(tryBounds.queryCharacters),
  documents: z
    .array(z.string().min(1).max(tryBounds.characters))
    .min(1, 'give at least one document')
    .max(tryBounds.documentsMax),
});
