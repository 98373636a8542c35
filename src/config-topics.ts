// The `topics` section of the configuration: topics beside the one of the events, `topic`.
import { z } from 'zod';
import type { Config } from './config.ts';
import { section } from './config-units.ts';

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
});

export type TopicsConfig = Config['topics'];

/** What of it decides about the journal; null where it is as before there was the section. */
export const topicsSettings = ({ documents, documentsKnownBefore }: TopicsConfig): object | null =>
  documents === null ? null : { documents, documentsKnownBefore };

/** Relations between values, each with its reason. */
export function topicsRules({ topic, topics: t, events, kafka }: Config): (readonly [boolean, string])[] {
  return [
    [t.documents === null || t.documents !== topic, 'topics.documents must be another topic than `topic`'],
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
