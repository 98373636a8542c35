// The section of the configuration that says when a candidate generation goes live. None of it decides about
// a weight.
import { z } from 'zod';
import { count, section } from './config-units.ts';

export const gate = section({
  drop_max: z
    .number()
    .min(0)
    .default(0.02)
    .describe('it must be sure that nDCG@10 on holdout queries falls by no more than this'),
  queries_min: count(10, 2).describe('fewer distinct holdout queries prove nothing'),
  unproven: z
    .enum(['promote', 'hold'])
    .default('promote')
    .describe('what becomes of a candidate about which nothing can be proven'),
  confidence: z.number().min(0.5).max(0.999).default(0.95).describe('of the intervals over queries'),
  resamples: count(2_000, 100).describe('of the bootstrap behind the intervals'),
  anchor_queries: count(100, 0).describe('holdout queries kept from the beginning, against forgetting'),
  cooldown: count(0, 0).describe(
    'groups to be learnt after the live pointer has moved before it moves again',
  ),
  spread_min: z
    .number()
    .min(0)
    .default(1e-7)
    .describe('logits: mean deviation of the scores of one query; below, their order is rounding'),
  agreement_min: z
    .number()
    .min(-1)
    .max(1)
    .default(0)
    .describe("Kendall's tau-b between student and teacher within a query, on average"),
});
