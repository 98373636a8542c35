// The `topics` section of the configuration: topics beside the one of the events, `topic`.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, section } from './config-units.ts';

const name = z.string().min(1).nullable().default(null);

const time = z.iso
  .datetime({ offset: true, error: 'expected a time with its zone, for example 2026-11-01T00:00:00Z' })
  .transform((text) => Date.parse(text));

export const topics = section({
  documents: name.describe(
    'what documents say, by their id, which is the key: for impressions without texts; usually compacted',
  ),
  documents_known_before: time
    .nullable()
    .default(null)
    .describe(
      'documents of before count as known from the beginning: the time of the first start, where a ' +
        'compacted topic has the newest copies only. Null: each is known to the impressions after it',
    ),
  judgments: name.describe(
    'human judgments to evaluate on, instead of the files in evaluation: read whole when a trainer starts',
  ),
  judgments_max: count(200_000).describe('judgments that are held; the oldest are forgotten first'),
});

export type TopicsConfig = Config['topics'];

/**
 * What of it decides about the journal; null where it is as before there was the section. Judgments measure
 * only.
 */
export const topicsSettings = ({ documents, documentsKnownBefore }: TopicsConfig): object | null =>
  documents === null ? null : { documents, documentsKnownBefore };

/** Relations between values, each with its reason. */
export function topicsRules(c: Config): (readonly [boolean, string])[] {
  const { topic, topics: t, events, kafka } = c;
  const named = [topic, t.documents, t.judgments].filter((found) => found !== null);
  return [
    [new Set(named).size === named.length, '`topic` and those in topics must be different ones'],
    [
      t.judgments === null || c.evaluation.judgments === null,
      'topics.judgments and evaluation.judgments: give one of the two',
    ],
    [
      t.judgments === null || kafka.brokers.length > 0,
      'topics.judgments needs kafka.brokers: the trainer reads them there, in a replay, too',
    ],
    [
      t.documents !== null || t.documentsKnownBefore === null,
      'topics.documents_known_before needs topics.documents',
    ],
    [
      t.documents === null || events.mapping === null || events.mapping.document !== null,
      'topics.documents needs events.mapping.document: it says where in a document its texts are',
    ],
    [
      t.documents === null || !kafka.shared,
      'kafka.shared: each member would see a part of topics.documents; put the texts into the impressions',
    ],
  ];
}
