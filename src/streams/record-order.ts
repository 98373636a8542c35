// The order in which records of different partitions are taken: by time, then by topic, then by partition.
// Within a partition it is that of the offsets, whatever the times are. Recordings (merge.ts) and live topics
// (live-order.ts) share it, so that both come to the same journal.
//
// Where there is a topic of documents, it goes before the events of the same time. A document is known to the
// impressions that come after it, in this order. Those from before `topics.documents_known_before` come
// before all events: a compacted topic has the newest copy of each only, which may be younger than the pages.
import type { Config } from '../config.ts';
import type { IngestRecord } from './ports.ts';

export interface RecordOrder {
  /** The topic that there may be beside the one of the events; null: none. */
  readonly documents: string | null;
  /** Milliseconds since the epoch; minus infinity for what comes before everything. */
  timeOf(record: IngestRecord): number;
  /** Of two records with different places. */
  comesBefore(a: IngestRecord, b: IngestRecord): boolean;
}

export function openRecordOrder({
  documents,
  documentsKnownBefore,
}: Pick<Config['topics'], 'documents' | 'documentsKnownBefore'>): RecordOrder {
  const knownBefore = documentsKnownBefore ?? Number.NEGATIVE_INFINITY;
  const timeOf = ({ topic, timestampMs }: IngestRecord): number =>
    timestampMs < knownBefore && topic === documents ? Number.NEGATIVE_INFINITY : timestampMs;
  return {
    documents,
    timeOf,
    comesBefore(a, b) {
      const aMs = timeOf(a);
      const bMs = timeOf(b);
      if (aMs !== bMs) return aMs < bMs;
      if (a.topic !== b.topic) return a.topic === documents || (b.topic !== documents && a.topic < b.topic);
      return a.partition < b.partition || (a.partition === b.partition && a.offset < b.offset);
    },
  };
}
