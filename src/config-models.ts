// The sections of the configuration that say what the two models are and what they start from.
import { z } from 'zod';
import type { Config } from './config.ts';
import { remoteTeacher, teacherKind } from './config-teacher.ts';
import { count, rate, section } from './config-units.ts';

const start = () =>
  z
    .string()
    .nullable()
    .default(null)
    .describe(
      'a Hugging Face directory to start from, which then says the sizes; or hf:ORG/NAME or ' +
        'hf:ORG/NAME@REV, which `restill pull` has fetched; null: random weights',
    );

/** The linear modules of a decoder's layers. */
const adaptedModules = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

export const vocabulary = section({
  path: z.string().nullable().default(null).describe('a tokenizer.json; null: built from the first groups'),
  size: count(4_096, 300).describe('of a built vocabulary'),
  groups: count(500).describe('groups a vocabulary is built from; never holdout ones'),
});

export const teacher = section({
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
});

export const student = section({
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
  segments: z.enum(['bert', 'none']).default('bert').describe('token types; none for servers that drop them'),
});

/** Relations between values, each with its reason. */
export const modelsRules = (c: Config): (readonly [holds: boolean, reason: string])[] => [
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
    c.teacher.adapter === null || c.teacher.adapter.rank <= c.teacher.hidden,
    'teacher.adapter.rank must be at most teacher.hidden: no module of the model has a higher rank',
  ],
  [
    c.student.hidden % c.student.heads === 0,
    'student.hidden must be a multiple of student.heads: heads share it equally',
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
];
