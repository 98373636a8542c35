// Where a source is taken up again: which records the journal has the effect of already, and whether they are
// the same records (promise 10). A recording is read from its beginning each time, so that the merge gives
// the same order.
//
// Invariants:
// 1. A record below its partition's next offset is passed over, any other is admitted (promise 1).
// 2. The newest record whose effect the journal has must be found again unchanged, or the next one must
//    follow it without a gap. Everything else is an error by name: nothing is skipped silently. In a topic of
//    documents the record may be gone, but none may be changed.
import { RestillError } from '../errors.ts';
import { ByPlace } from './by-place.ts';
import type { IngestRecord } from './ports.ts';
import { partitionKey } from './watermark.ts';

export interface ResumePoint {
  /** Of the events: what the journal holds, else what the configuration asks for, else null: any. */
  readonly topic: string | null;
  /** Next offset to read, per `topic/partition`. */
  readonly offsets: Readonly<Record<string, number>>;
  /** Of the newest record taken, per `topic/partition`. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Lines without coordinates that were taken. */
  readonly unplaced: number;
  /**
   * Usually compacted, so its records may vanish: what is missing there is no error. Null: there is none.
   */
  readonly documents: string | null;
  /** `judged`: the source knows which records are missing by right, so a gap is none here. */
  readonly gaps: 'refused' | 'judged';
}

export interface Resume {
  readonly topic: string | null;
  readonly unplaced: number;
  /**
   * Whether the record is new.
   * @throws RestillError JOURNAL_FOREIGN, OFFSET_GAP
   */
  admit(record: IngestRecord): boolean;
  /** The record, which was admitted, has had its effect. */
  took(record: IngestRecord): void;
  /** Whether the next line without coordinates is new. */
  admitUnplaced(): boolean;
  /** Fingerprints of the partitions that moved since the last call. */
  fingerprints(): Record<string, string>;
  /**
   * The source has ended.
   * @throws RestillError JOURNAL_FOREIGN if it ended before the journal's place
   */
  finish(): void;
}

/** Tells a record from another one at the same offset, as after a topic was deleted and made again. */
export function fingerprintOf(record: IngestRecord): string {
  const sum = record.checksum().toString(16).padStart(8, '0');
  return `${record.offset}:${record.timestampMs}:${sum}`;
}

export function openResume(point: ResumePoint): Resume {
  return new ResumedSource(point);
}

interface Place {
  readonly key: string;
  /** As the journal has it; both are absent for a partition it does not know. */
  readonly next: number | undefined;
  readonly fingerprint: string | undefined;
  /** What is missing is an error here. */
  readonly isWhole: boolean;
  /** Whether records below `next` came, and whether the last of them was as expected. */
  below: boolean;
  met: boolean;
  /** The newest record taken since the last call of fingerprints. */
  newest: IngestRecord | null;
  admitted: boolean;
}

class ResumedSource implements Resume {
  #topic: string | null;
  #unplaced: number;
  readonly #known: ResumePoint;
  #unplacedSeen = 0;
  readonly #places = new ByPlace<Place>();

  constructor(point: ResumePoint) {
    this.#known = point;
    this.#topic = point.topic;
    this.#unplaced = point.unplaced;
  }

  get topic(): string | null {
    return this.#topic;
  }

  get unplaced(): number {
    return this.#unplaced;
  }

  admit(record: IngestRecord): boolean {
    if (record.topic !== this.#known.documents) {
      this.#topic ??= record.topic;
      if (record.topic !== this.#topic) throw otherTopic(this.#topic, record.topic);
    }
    const place = this.#placeOf(record);
    if (place.next !== undefined && record.offset < place.next) {
      place.below = true;
      if (record.offset === place.next - 1) meet(place, record);
      return false;
    }
    if (!place.admitted && place.isWhole) follow(place, record);
    place.admitted = true;
    return true;
  }

  took(record: IngestRecord): void {
    this.#placeOf(record).newest = record;
  }

  admitUnplaced(): boolean {
    if (++this.#unplacedSeen <= this.#unplaced) return false;
    this.#unplaced = this.#unplacedSeen;
    return true;
  }

  fingerprints(): Record<string, string> {
    const moved: Record<string, string> = {};
    for (const place of this.#places.values()) {
      if (place.newest !== null) moved[place.key] = fingerprintOf(place.newest);
      place.newest = null;
    }
    return moved;
  }

  finish(): void {
    for (const { key, next, below, met, admitted, isWhole } of this.#places.values())
      if (isWhole && below && !met && !admitted)
        throw new RestillError(
          'JOURNAL_FOREIGN',
          `the source ends before offset ${next! - 1} of ${key}, which the journal has; ` +
            'give all files of the recording, or another data directory',
        );
  }

  #placeOf(record: IngestRecord): Place {
    const known = this.#places.get(record);
    if (known !== undefined) return known;
    const key = partitionKey(record);
    const { offsets, fingerprints, documents, gaps } = this.#known;
    const place = {
      key,
      next: offsets[key],
      fingerprint: fingerprints[key],
      isWhole: gaps === 'refused' && record.topic !== documents,
      below: false,
      met: false,
      newest: null,
      admitted: false,
    };
    this.#places.set(record, place);
    return place;
  }
}

function meet(place: Place, record: IngestRecord): void {
  place.met = true;
  const found = fingerprintOf(record);
  if (place.fingerprint !== undefined && found !== place.fingerprint)
    throw new RestillError(
      'JOURNAL_FOREIGN',
      `the record at offset ${record.offset} of ${place.key} is another one than the journal was made from ` +
        `(offset:time:checksum ${found}, expected ${place.fingerprint}); ` +
        'give the same recording, or another data directory',
    );
}

/** The first new record of a partition. */
function follow(place: Place, record: IngestRecord): void {
  const { key, next, met, below } = place;
  if (next === undefined || met) return;
  if (below)
    throw new RestillError(
      'JOURNAL_FOREIGN',
      `offset ${next - 1} of ${key}, which the journal was made from, is missing from the source; ` +
        'give the same recording, or another data directory',
    );
  if (record.offset > next)
    throw new RestillError(
      'OFFSET_GAP',
      `${key} goes on at offset ${record.offset}, but the journal ends before ${next}; ` +
        'give the files that hold the records between, or start anew in another data directory',
    );
}

const otherTopic = (expected: string, found: string): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `the source holds the topic "${found}", expected "${expected}" ` +
      "(the journal's, else the configuration's); " +
      'give the right recording, or another data directory or `topic`',
  );
