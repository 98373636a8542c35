// Types and ports that cross a border between stages. No logic.

// ---------------------------------------------------------------- records and events

/** One record of a topic, from a broker or a recording. `value` null is a tombstone. */
export interface SourceRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The record's own timestamp, milliseconds since the epoch (Kafka's, not the event's). */
  readonly timestampMs: number;
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Where a record stood. */
export interface Coordinates {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** One result on a page. `position` counts from 1. */
export interface Result {
  readonly position: number;
  readonly documentId: string;
  readonly title: string;
  readonly summary: string;
}

/** A result whose texts are to be found under its id among the documents. */
export type ResultReference = Pick<Result, 'position' | 'documentId'>;

export interface ImpressionEvent {
  readonly kind: 'impression';
  readonly timeMs: number;
  readonly impressionId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly query: string;
  readonly results: readonly (Result | ResultReference)[];
}

export interface ClickEvent {
  readonly kind: 'click';
  readonly timeMs: number;
  readonly impressionId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly documentId: string;
  /** Milliseconds until the user came back; null when unknown. */
  readonly dwellMs: number | null;
}

/**
 * What a document says from now on. It has no event time: it holds for the impressions that come after it.
 */
export interface DocumentEvent {
  readonly kind: 'document';
  readonly documentId: string;
  readonly title: string;
  readonly summary: string;
}

/** A tombstone in a topic of documents: what the document said is forgotten. */
export interface RemovalEvent {
  readonly kind: 'removal';
  readonly documentId: string;
}

export type Event = ImpressionEvent | ClickEvent | DocumentEvent | RemovalEvent;

/** A record that could not be used, with its original bytes. */
export interface DeadLetter {
  readonly record: SourceRecord;
  readonly reason: 'malformed' | 'too-large';
  readonly detail: string;
}

// ---------------------------------------------------------------- groups and the journal

export interface GroupResult {
  readonly documentId: string;
  readonly title: string;
  readonly summary: string;
  /** Counted from 1, as shown. */
  readonly position: number;
  /** Probability that a user looks at this position, in (0, 1]. */
  readonly propensity: number;
  readonly clicked: boolean;
  /** Clicked and dwelt on for at least `clicks.satisfied_dwell`. */
  readonly satisfied: boolean;
}

/** `better` and `worse` index `Group.results`. `weight` > 0 is the inverse-propensity weight, clipped. */
export interface PreferenceIndices {
  readonly better: number;
  readonly worse: number;
  readonly weight: number;
}

/**
 * A closed impression with what was learnt from its clicks: the unit of the journal. Holds no user or
 * session.
 */
export interface Group {
  /** Position in the journal, from 0 without gaps. */
  readonly sequence: number;
  readonly impressionId: string;
  /** Event time of the impression: what the event said, but at most its record's timestamp. */
  readonly timeMs: number;
  /** Event time of the newest click in it, or of the impression. */
  readonly newestMs: number;
  /** Redacted, white space folded; case kept. */
  readonly query: string;
  /** Hash of the normalised query: equal for queries that differ in case or spacing. */
  readonly queryKey: string;
  /** Promise 7: such a group never trains anything. */
  readonly holdout: boolean;
  /** In the order shown. */
  readonly results: readonly GroupResult[];
  /** Indices of results for continued pre-training: query -> title and summary. */
  readonly pairs: readonly number[];
  readonly preferences: readonly PreferenceIndices[];
  /** The sequence of the group that this one corrects with late clicks, else null. */
  readonly corrects: number | null;
  readonly origin: Coordinates;
}

/** What the journal says about itself. Sequence numbers: the ring holds [low, high). */
export interface JournalStatus {
  readonly low: number;
  readonly high: number;
  /** Whether the source has ended: no group will follow `high`. */
  readonly ended: boolean;
  /** SHA-256 chain over every group ever appended, hex. */
  readonly contentHash: string;
  /** Next offset to read, per `topic/partition`. */
  readonly offsets: Readonly<Record<string, number>>;
}

/** What the trainer may do with the journal: read. Throws JOURNAL_DAMAGED when a checksum fails. */
export interface JournalReader {
  status(): JournalStatus;
  /** Groups [from, to) of the ring, in order; all of them must be inside [low, high). */
  read(from: number, to: number): Group[];
  /** Sequence numbers in the memory (the uniform sample of all that left the ring), ascending. */
  memory(): number[];
  /** Groups of the memory by sequence number, in the order asked for. */
  recall(sequences: readonly number[]): Group[];
  close(): Promise<void>;
}

/** How far ingest has got in the event time of a partition, in milliseconds; null before the first event. */
export interface PartitionClock {
  readonly topic: string;
  readonly partition: number;
  readonly newestMs: number | null;
  /** The partition is taken as complete up to here. */
  readonly watermarkMs: number | null;
}

/** Counts of what ingest did. All are cumulative over the life of the journal and part of its transaction. */
export interface IngestCounts {
  records: number;
  events: number;
  impressions: number;
  clicks: number;
  documents: number;
  /** Records that `events.mapping` passes over: of none of its kinds. */
  ignored: number;
  /** Results of impressions whose document was not known: left out. */
  undocumented: number;
  /** Records that went to the dead letters. */
  malformed: number;
  /** Events seen before: same impression, or same click on the same document at the same time. */
  duplicates: number;
  /** Events whose time lies behind their partition's watermark when they arrive. They may still be joined. */
  late: number;
  /** Late clicks that came after their group was closed and made a correction group. */
  corrected: number;
  /** Events that came after `join.lateness_max` as well: dropped. */
  tooLate: number;
  /** Clicks whose impression never came. */
  orphans: number;
  /** Clicks on a document that their impression did not show: dropped. */
  unshown: number;
  /** Impressions and clicks of sessions taken for bots: dropped. */
  bots: number;
  /** Impressions closed early because `join.open_max` was reached. */
  crowdedOut: number;
  /** Groups of queries that fewer than `privacy.users_min` users have issued: not kept. */
  withheld: number;
  /** Groups not kept because the ring was nearly full: see `journal.when_full`. */
  shed: number;
  /** Values replaced in queries by redaction. */
  redacted: number;
  /** Closed impressions without any click: not kept, they teach nothing. */
  unclicked: number;
  /** Groups written to the journal. */
  groups: number;
  holdoutGroups: number;
  pairs: number;
  preferences: number;
}

// ---------------------------------------------------------------- models

/** Row-major float32. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Tensors = ReadonlyMap<string, NamedTensor>;

/** A file of a generation or an export, by its path relative to the directory. */
export interface ArtifactFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Token ids of a query and a document as one sequence, with segment ids; at most `tokens_max` long. */
export interface EncodedPair {
  readonly ids: Int32Array;
  readonly segments: Int32Array;
}

/** A prompt and what should follow it, for the decoder. `outputFrom`: index of the first output token. */
export interface EncodedCompletion {
  readonly ids: Int32Array;
  readonly outputFrom: number;
}

export interface Document {
  readonly title: string;
  readonly summary: string;
}

// ---------------------------------------------------------------- generations

/** `g000001`, `g000002`, ... */
export type GenerationId = string & { readonly brand: 'GenerationId' };

/** From where in the topic the knowledge in a generation comes. */
export interface Lineage {
  readonly topic: string;
  /** Next offset per `topic/partition` when the last group learnt was journalled. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly cursor: number;
  readonly eventTimeMs: { readonly from: number; readonly to: number };
  readonly teacherVersion: number;
  readonly replayShare: number;
}

/** SHA-256 of what the models that training began with held; null: it began with random weights. */
export interface StartDigests {
  readonly student: string | null;
  readonly teacher: string | null;
}

/** What the trainer hands over to be stored. */
export interface Snapshot {
  readonly cursor: number;
  /** False for the one made on request (Ctrl-C, SIGTERM): it moves nothing that training depends on. */
  readonly scheduled: boolean;
  readonly configDigest: string;
  readonly starts: StartDigests;
  readonly lineage: Lineage;
  readonly metrics: Readonly<Record<string, number>>;
  /** SHA-256 over the weights in canonical order, hex. */
  readonly weightsSha256: { readonly student: string; readonly teacher: string };
  /** `student/...`, `teacher/...`, `optimizer.safetensors`, `state.json`. */
  readonly files: readonly ArtifactFile[];
}

export interface ManifestFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface GateVerdict {
  readonly decision: 'PROMOTE' | 'HOLD' | 'REJECT';
  readonly reason: string;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Manifest {
  readonly version: 2;
  readonly id: GenerationId;
  readonly parent: GenerationId | null;
  readonly createdAt: string;
  readonly cursor: number;
  readonly scheduled: boolean;
  readonly configDigest: string;
  /** Null: version 1 of the manifest did not record them. */
  readonly starts: StartDigests | null;
  readonly lineage: Lineage;
  readonly metrics: Readonly<Record<string, number>>;
  readonly weightsSha256: { readonly student: string; readonly teacher: string };
  readonly gate: GateVerdict;
  readonly files: readonly ManifestFile[];
}

/** A complete, verified generation on disk. Only the store makes one. */
export interface Generation {
  readonly manifest: Manifest;
  readonly directory: string;
}

/**
 * Everything about generations on disk. Errors: GENERATION_DAMAGED, GENERATION_FOREIGN, STORE_WRITE_FAILED.
 */
export interface GenerationStore {
  /** Stages, fsyncs, renames; then the generation exists. The verdict is written into its manifest. */
  publish(snapshot: Snapshot, verdict: GateVerdict): Promise<Generation>;
  /**
   * Newest complete generation of this config, checksums verified; damaged ones are set aside, named and
   * skipped.
   */
  latest(configDigest: string): Promise<Generation | null>;
  list(): Promise<Manifest[]>;
  /** Verifies every checksum. */
  open(id: GenerationId): Promise<Generation>;
  read(generation: Generation, path: string): Promise<Uint8Array>;
  /** The generation that serves, or null before the first promotion. */
  live(): Promise<GenerationId | null>;
  /** Replaces `current.json` atomically. */
  setLive(id: GenerationId): Promise<void>;
  /** Removes all but the newest `keep`, the live one and pinned ones. */
  retain(keep: number): Promise<GenerationId[]>;
}
