// Mappings that come with restill. `native` has none: it is written by hand (decode.ts).
import type { Config } from '../config.ts';
import type { Mapping } from '../config-events.ts';
import { assert } from '../errors.ts';

const time = { path: '$.timestamp', format: 'iso_or_ms' } as const;
/**
 * A client stands for session and user both: queries know neither, and rates and audiences are counted by
 * what impressions and clicks have in common.
 */
const common = { time, impressionId: '$.query_id', sessionId: '$.client_id', userId: '$.client_id' };

/**
 * OpenSearch User Behavior Insights, schema 1.3.0 (https://github.com/o19s/ubi): the documents of the indexes
 * `ubi_queries` and `ubi_events`. A query's hits are known by id only; their texts come as documents.
 */
const ubi: Mapping = {
  impression: {
    ...common,
    when: { path: '$.query_response_hit_ids', is: null },
    query: '$.user_query',
    results: {
      documentId: '$.query_response_hit_ids[*]',
      position: null,
      title: null,
      summary: null,
    },
  },
  click: {
    ...common,
    when: { path: '$.action_name', is: ['click', 'click_through'] },
    documentId: '$.event_attributes.object.object_id',
    dwell: null,
  },
  document: {
    when: { path: '$.title', is: null },
    documentId: '$.object_id',
    title: '$.title',
    summary: '$.summary',
  },
  others: 'ignore',
};

/** What a topic of documents holds in the format `native`; other records of it have no type. */
const nativeDocument: NonNullable<Mapping['document']> = {
  when: { path: '$.title', is: null },
  documentId: '$.doc_id',
  title: '$.title',
  summary: '$.summary',
};

/** Where the texts are in a topic of documents. */
export function documentMappingOf(events: Config['events']): NonNullable<Mapping['document']> {
  const mapping = mappingOf(events);
  const document = mapping === null ? nativeDocument : mapping.document;
  assert(document !== null, 'topics.documents without a mapping, and the configuration let it pass');
  return document;
}

/** The mapping in effect; null for `native`. */
export function mappingOf({ preset, mapping }: Config['events']): Mapping | null {
  switch (preset) {
    case 'native':
      return null;
    case 'ubi':
      return ubi;
    case 'own':
      return mapping;
  }
}
