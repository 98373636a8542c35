// The sections of the configuration that say how the models learn, how they are judged, and what is kept.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, rate, section, share } from './config-units.ts';

const optimizer = {
  learning_rate: rate(1e-3).describe('reached after the warm-up, then constant'),
  warmup_steps: count(100, 0).describe('linear from zero'),
  weight_decay: z.number().min(0).default(0.01).describe('decoupled (AdamW); not on biases and norms'),
  clip_norm: rate(1).describe('global gradient norm'),
};

const accumulate = () =>
  count(1).describe('parts that a batch is worked off in: less memory, the same step but for rounding');

export const pretrain = section({
  ...optimizer,
  batch: count(32),
  accumulate: accumulate(),
  passes: count(1).describe('over the pairs of a cycle'),
  steps_max: count(50, 0).describe('per cycle; 0 switches continued pre-training off'),
});

export const finetune = section({
  ...optimizer,
  batch: count(32).describe('preferences'),
  accumulate: accumulate(),
  passes: count(1).describe('over the preferences of a cycle'),
  steps_max: count(100, 0).describe('per cycle'),
  loss: z.enum(['ranknet', 'hinge']).default('ranknet'),
  margin: rate(1).describe('of the hinge'),
});

export const distill = section({
  ...optimizer,
  batch: count(32).describe('pairs of a positive and a negative'),
  pairs_per_group: count(4).describe('drawn from the results of a group'),
  passes: count(1).describe('over the pairs of a cycle'),
  steps_max: count(100, 0).describe('per cycle'),
  point_weight: share(0.5).describe('w in w PointMSE + (1 - w) MarginMSE'),
});

export const labels = section({
  staleness_max: count(2, 0).describe('teacher versions; an older label is scored again before use'),
  kept_max: count(200_000).describe('labels kept for reuse; the oldest is forgotten first'),
  batch: count(128).describe('sequences scored at a time, at most'),
  batch_tokens: count(8_192, 8).describe('tokens scored at a time, at most'),
});

export const replay = section({
  share: share(0.25).describe('of each batch, drawn from the past'),
  per_query_max: count(20).describe('groups of one query in one turn'),
});

export const turns = section({
  groups: count(500).describe('new groups per cycle'),
  snapshot_every: count(2).describe('cycles between generations'),
});

export const evaluation = section({
  queries: z.string().nullable().default(null).describe('JSON lines: query_id, query'),
  documents: z.string().nullable().default(null).describe('JSON lines: doc_id, title, summary'),
  judgments: z.string().nullable().default(null).describe('TSV: query_id, doc_id, grade'),
  groups_max: count(400).describe('holdout groups kept for evaluation on clicks'),
});

export const checkpoint = section({
  keep: count(3).describe('generations besides the live one and the one to roll back to'),
});

/** Relations between values, each with its reason. */
export const learningRules = (c: Config): (readonly [holds: boolean, reason: string])[] => [
  [
    c.pretrain.accumulate <= c.pretrain.batch && c.finetune.accumulate <= c.finetune.batch,
    'accumulate must be at most batch, in pretrain and in finetune: no part of a batch is empty',
  ],
  [
    c.journal.ringMax >= c.turns.groups * c.turns.snapshotEvery + c.journal.recentMax,
    'journal.ring_max must hold turns.groups x turns.snapshot_every + journal.recent_max groups, ' +
      'or ingest and trainer wait for each other for ever',
  ],
  [
    c.labels.keptMax >= 2 * c.distill.batch * c.distill.stepsMax,
    'labels.kept_max must hold 2 x distill.batch x distill.steps_max labels: ' +
      'what one turn of distillation uses',
  ],
  [
    new Set(
      [c.evaluation.queries, c.evaluation.documents, c.evaluation.judgments].map((file) => file === null),
    ).size === 1,
    'evaluation.queries, .documents and .judgments belong together: give all three or none',
  ],
];
