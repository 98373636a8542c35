// What ingest remembers between records, as the journal stores it: small values in fixed slots of named
// tables. The intake (pure) says which slots changed; the journal (edge) writes them in the same transaction
// as the groups and the offsets (promise 1).

export type TableName =
  | 'impressions'
  | 'orphans'
  | 'sessions'
  | 'queries'
  | 'propensity'
  | 'partitions'
  | 'counts';

/** `value` null: the slot is free again. */
export interface StateEntry {
  readonly table: TableName;
  readonly slot: number;
  readonly value: Uint8Array | null;
}
