// The edges of ingest as its conductor sees them: where records come from and where their effect goes.
import type {
  Coordinates,
  DeadLetter,
  Group,
  IngestCounts,
  JournalReader,
  JournalStatus,
  SourceRecord,
} from '../contract.ts';
import type { Decoded } from './decode.ts';
import type { StateEntry } from './state.ts';

/** A partition of a topic; `partitionKey` of watermark.ts names it. */
export type Place = Pick<Coordinates, 'topic' | 'partition'>;

/**
 * A record whose place is known. Thousands wait at a time to be put in order, so its content is not looked at
 * before its turn has come.
 */
export interface PlacedRecord extends Coordinates {
  readonly timestampMs: number;
  /** The record, or a letter at the same place if it is none after all. Always the same. */
  open(): SourceRecord | DeadLetter;
  /** See contentChecksum of checksum.ts. */
  checksum(): number;
}

/** A record that was decoded where it was read. Its content has stayed there. */
export interface DecodedRecord extends Coordinates {
  readonly timestampMs: number;
  readonly decoded: Decoded;
  /** As above. Only of the last of its partition in a list that was read: of no other one it is known. */
  checksum(): number;
}

/** Records of one partition, in offset order; each may be made when it is asked for. */
export interface Records {
  readonly length: number;
  at(index: number): PlacedRecord | undefined;
}

/** What a source yields: a record, or a line that has no place. */
export type SourceItem = PlacedRecord | DeadLetter;

/** What ingest takes. */
export type IngestRecord = PlacedRecord | DecodedRecord;
export type IngestItem = IngestRecord | DeadLetter;

/** Inputs that can be read independently, numbered from 0: the files of a recording, or a live topic. */
export interface Source<Item = SourceItem> {
  /**
   * `recorded`: ingest merges the inputs and partitions, and takes a gap in the offsets for an error.
   * `live`: one input, in the order in which it is to be taken; the source itself judges where a partition is
   * taken up and which gaps there may be.
   */
  readonly kind: 'recorded' | 'live';
  readonly inputs: number;
  /**
   * The next items of one input, in its order; null when it has ended. One call at a time per input. An empty
   * list: nothing more for now, and what was read is not to wait for more.
   * @throws RestillError INPUT_UNREADABLE where the input breaks off, or an error of Kafka; everything before
   *   was delivered.
   */
  read(input: number): Promise<Item[] | null>;
  /** Bytes of files; of a live topic, records. */
  progress(): { readonly bytesRead: number; readonly bytesTotal: number };
  close(): Promise<void>;
}

/** The file of records that could not be used (promise 9). */
export interface DeadLetterFile {
  /** Appends and fsyncs. Resolves to the file's length, which the transaction of the offsets must record. */
  append(letters: readonly DeadLetter[]): Promise<number>;
  close(): Promise<void>;
}

/** What a batch of records leaves behind besides groups. Written whole or not at all. */
export interface Effects {
  readonly changes: readonly StateEntry[];
  readonly counts: IngestCounts;
  /** Next offset to read, per `topic/partition`: of all partitions. */
  readonly offsets: Readonly<Record<string, number>>;
  /** See fingerprintOf of resume.ts, per `topic/partition`: of the partitions that moved. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Null before the first record. */
  readonly topic: string | null;
  /** Lines without usable coordinates so far: they have no offset that could move on. */
  readonly unplaced: number;
  readonly deadLetterBytes: number;
  /** The source has ended: no group will follow. */
  readonly ended: boolean;
}

/**
 * One transaction. Without effects the groups are written ahead of them: a batch may close more groups than
 * one transaction or the ring can take. After a kill the same records make the same groups again, and the
 * journal drops those that it holds (promise 1).
 */
export interface Batch {
  readonly groups: readonly Group[];
  readonly effects: Effects | null;
}

/** What the writer knows beyond what readers may ask. */
export interface IngestStatus extends JournalStatus {
  readonly counts: IngestCounts;
  readonly fingerprints: Readonly<Record<string, string>>;
  readonly topic: string | null;
  readonly unplaced: number;
  readonly deadLetterBytes: number;
  /** Sequence number of the next group as of `offsets`; below `high` when groups were written ahead. */
  readonly nextSequence: number;
}

export interface VerifiedReader extends JournalReader {
  /**
   * Reads everything, checks every checksum and the hash chain over the ring.
   * @throws RestillError JOURNAL_DAMAGED
   */
  verify(): void;
}

/** The journal's one writer. Errors: JOURNAL_DAMAGED, JOURNAL_FOREIGN, JOURNAL_LOCKED, STORE_WRITE_FAILED. */
export interface Journal extends VerifiedReader {
  status(): IngestStatus;
  /** Everything the drains so far have left. To be consumed at once. */
  loadState(): Iterable<StateEntry>;
  /** Resolves when the batch is durable. Its groups must fit: see `capacity`. */
  append(batch: Batch): Promise<void>;
  /** Groups that fit into the ring. */
  capacity(): number;
  /** Resolves as soon as `capacity()` is at least `groups`. */
  room(groups: number): Promise<void>;
  /**
   * Moves the groups [low, cursor - journal.recent_max) from the ring into the memory. Idempotent, and
   * resumable: when killed half-way, the same call leads to the same memory. Readers must not sample before
   * it resolves.
   */
  retire(cursor: number): Promise<void>;
}

/** What the journal needs to know of the machine. */
export interface JournalHost {
  /** This process, described so that no other one is described alike as long as the machine runs. */
  readonly self: string;
  /** Whether the process so described still runs. */
  isAlive(described: string): boolean;
  /**
   * Looks at the files before LMDB maps them: it crashes the process on a file that is cut off.
   * @returns false where there is no journal yet.
   * @throws RestillError JOURNAL_DAMAGED, STORE_WRITE_FAILED
   */
  inspect(directory: string): boolean;
}
