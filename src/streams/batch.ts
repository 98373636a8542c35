// Records in, what one journal transaction must write out: the per-record work of ingest, without any
// waiting.
import type { Config } from '../config.ts';
import type { DeadLetter, Event, Group, PartitionClock, SourceRecord } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { settingsOf } from './building.ts';
import { isLetter } from './envelope.ts';
import { decodeHandover, type Handover } from './handover.ts';
import { type Intake, openIntake } from './intake.ts';
import { openMerging } from './merging.ts';
import type { Effects, IngestItem, IngestRecord, IngestStatus } from './ports.ts';
import { openResume, type ResumePoint } from './resume.ts';
import { openSharingDecoder } from './shared-documents.ts';
import type { Ring } from './shedding.ts';
import type { StateEntry } from './state.ts';

/** What a batch of records comes to. The letters must be durable before the effects are. */
export interface Harvest {
  readonly groups: readonly Group[];
  readonly letters: readonly DeadLetter[];
  /** All but the length of the dead-letter file. */
  readonly effects: Omit<Effects, 'deadLetterBytes'>;
}

export interface Batching {
  /** @returns how many of them were new: the journal did not have their effect yet. */
  feed(items: readonly IngestItem[]): number;
  /** The source has ended: closes what is open. Once. */
  finish(): void;
  /** What has come of everything since the last call; null when nothing has. See `Intake.drain`. */
  harvest(ring?: Ring): Harvest | null;
  clocks(): PartitionClock[];
}

/** Where records are taken up, and what the drains so far have left. */
export interface BatchingStart {
  readonly status: IngestStatus;
  readonly saved: Iterable<StateEntry>;
  readonly gaps: ResumePoint['gaps'];
}

export type OpenBatching = (config: Config, start: BatchingStart) => Batching;

/** Records are events. @throws RestillError (all but harvest) JOURNAL_FOREIGN, OFFSET_GAP: see resume.ts */
export const openBatching: OpenBatching = (config, start) =>
  batching(start, config, {
    decode: eventDecoder(config),
    intake: openIntake(config, start.saved, start.status.nextSequence),
  });

/** What was decoded where it was read is not decoded again. */
function eventDecoder(config: Config): Work<Event>['decode'] {
  const decodeOpened = opening(openSharingDecoder(config));
  return (item) => ('decoded' in item ? item.decoded : decodeOpened(item));
}

function opening<E>(decode: (record: SourceRecord) => E): (item: IngestRecord) => E | DeadLetter {
  return (item) => {
    assert('open' in item, 'only events are decoded where they are read');
    const record = item.open();
    return isLetter(record) ? record : decode(record);
  };
}

/** Records are what builders hand over. @throws as above */
export const openMergeBatching: OpenBatching = (config, start) =>
  batching(
    start,
    { topic: config.roles.pages, topics: config.topics },
    {
      decode: handoverDecoder(config),
      intake: openMerging(config, start.saved, start.status.nextSequence),
    },
  );

/** Pages that were made by other rules make no journal by ours. */
function handoverDecoder(config: Config): Work<Handover>['decode'] {
  const expected = settingsOf(config);
  return opening((record) => {
    if (record.key === expected) return decodeHandover(record);
    throw new RestillError(
      'JOURNAL_FOREIGN',
      `${record.topic} has what a builder with other settings handed over (${String(record.key)}, expected ` +
        `${expected}, at ${record.partition}/${record.offset}); use theirs, or name another roles.pages`,
    );
  });
}

interface Work<E> {
  /** Null: a record that is none of ours. */
  readonly decode: (item: IngestRecord) => E | DeadLetter | null;
  readonly intake: Intake<E>;
}

function batching<E extends object>(
  { status, gaps }: BatchingStart,
  { topic, topics: { documents } }: Pick<Config, 'topic' | 'topics'>,
  { decode, intake }: Work<E>,
): Batching {
  const resume = openResume({ ...status, gaps, documents, topic: status.topic ?? topic });
  let letters: DeadLetter[] = [];
  let changed = false;
  let { ended } = status;

  const reject = (letter: DeadLetter): void => {
    letters.push(letter);
    intake.reject(letter);
  };

  const take = (item: IngestRecord): void => {
    const decoded = decode(item);
    if (decoded === null) intake.ignore(item);
    else if (isLetter(decoded)) reject(decoded);
    else intake.accept(decoded, item);
    resume.took(item);
  };

  return {
    feed(items) {
      let fresh = 0;
      // One by one, so that all before an error has had its effect, and nothing after it.
      for (const item of items) {
        if (!(isLetter(item) ? resume.admitUnplaced() : resume.admit(item))) continue;
        if (ended) throw alreadyEnded();
        if (isLetter(item)) reject(item);
        else take(item);
        changed = true;
        fresh++;
      }
      return fresh;
    },
    finish() {
      resume.finish();
      if (ended) return;
      intake.finish();
      ended = true;
      changed = true;
    },
    harvest(ring) {
      if (!changed) return null;
      const { groups, changes, counts, offsets } = intake.drain(ring ?? null);
      const { topic, unplaced } = resume;
      const effects = {
        changes,
        counts,
        offsets,
        fingerprints: resume.fingerprints(),
        topic,
        unplaced,
        ended,
      };
      const harvest = { groups, letters, effects };
      letters = [];
      changed = false;
      return harvest;
    },
    clocks: () => intake.clocks(),
  };
}

/** At its end what was open was closed, and a last, shorter cycle was learnt: nothing can come after it. */
export const alreadyEnded = (): RestillError =>
  new RestillError(
    'JOURNAL_ENDED',
    'a replay brought the journal to its end, so nothing can come after it; give another data directory: ' +
      'replay the longer recording into it, or run from it with what this one has learnt, exported, as ' +
      '`student.start` and `teacher.start`',
  );
