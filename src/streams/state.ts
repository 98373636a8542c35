// What ingest remembers between records, as the journal stores it: small values in fixed slots of named
// tables. The intake (pure) says which slots changed; the journal (edge) writes them in the same transaction
// as the groups and the offsets (promise 1).
import type { Group, IngestCounts } from '../contract.ts';

export type TableName =
  | 'impressions'
  | 'orphans'
  | 'sessions'
  | 'queries'
  | 'propensity'
  | 'partitions'
  | 'documents'
  | 'counts';

/** `value` null: the slot is free again. */
export interface StateEntry {
  readonly table: TableName;
  readonly slot: number;
  readonly value: Uint8Array | null;
}

/** What one journal transaction must write. */
export interface Drained {
  /** Closed since the last drain, sequence numbers given. */
  readonly groups: Group[];
  /** State slots that changed since the last drain. */
  readonly changes: StateEntry[];
  readonly counts: IngestCounts;
  /** Next offset to read, per `topic/partition`. */
  readonly offsets: Record<string, number>;
}
