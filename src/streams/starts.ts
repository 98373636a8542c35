// Where the partitions of a new assignment are taken up: what has to be asked of the broker for it, and what
// comes of it for each (take-up.ts decides).
import type { KafkaConfig } from '../config-kafka.ts';
import { RestillError } from '../errors.ts';
import type { IngestStatus, Place } from './ports.ts';
import { takeUp } from './take-up.ts';
import { partitionKey, placeOfKey } from './watermark.ts';

/** Where a partition was left, and the fingerprint of the record before. */
export interface Left {
  readonly next: number;
  readonly fingerprint: string | null;
}

export interface PartitionStart extends Left, Place {
  readonly high: number;
  /** Offsets that are passed over. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/** Where partitions go on, by what is kept where the next reader finds it. */
export type TakeOver = (places: readonly Place[]) => Promise<Pick<IngestStatus, 'offsets' | 'fingerprints'>>;

export interface StartParts {
  readonly desk: {
    readonly topics: readonly string[];
    /** By `topic/partition`, as all maps here. */
    ranges(): Promise<ReadonlyMap<string, { readonly low: number; readonly high: number }>>;
    committed(group: string): Promise<ReadonlyMap<string, number>>;
  };
  readonly settings: Pick<KafkaConfig, 'shared' | 'onGap'>;
  readonly group: string;
  /** As the journal was when this process began. */
  readonly status: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
  readonly from: ReadonlyMap<string, number> | null;
  /** Asked at each join, instead of `status` and `leftAt`: others may have gone on meanwhile. */
  readonly takeOver?: TakeOver;
  /** Nobody else may read: what comes of a part of the partitions would be wrong. */
  readonly alone?: boolean;
  /** Of partitions that this process has read: it is ahead of the journal. */
  readonly leftAt: (place: Place) => Left | null;
}

/** @throws RestillError OFFSET_GAP, JOURNAL_FOREIGN, GROUP_SHARED, KAFKA_* */
export async function startsOf(places: readonly Place[], parts: StartParts): Promise<PartitionStart[]> {
  const { desk, settings, group, status: begun, from, leftAt, takeOver } = parts;
  const status = takeOver === undefined ? begun : await takeOver(places);
  requireTopics(desk.topics, status.offsets);
  const ranges = await desk.ranges();
  if (parts.alone === true) requireAll(places, ranges, parts);
  const isShared = settings.shared && takeOver === undefined;
  const committed = isShared ? await desk.committed(group) : new Map<string, number>();
  return places.map((place) => {
    const key = partitionKey(place);
    const inJournal = { next: status.offsets[key] ?? null, fingerprint: status.fingerprints[key] ?? null };
    const own = (takeOver === undefined ? leftAt(place) : null) ?? inJournal;
    const { low, high } = ranges.get(key) ?? { low: 0, high: 0 };
    const first = Math.max(low, from?.get(key) ?? low);
    const known = { key, own: own.next, committed: committed.get(key) ?? null, low, high, first };
    const { next, gap } = takeUp(known, { ...settings, shared: isShared });
    // The record before can be compared where it is still there, and was ours.
    const fingerprint = next === own.next && next > low ? own.fingerprint : null;
    return { ...place, next, high, fingerprint, gap };
  });
}

/**
 * Of two that must be alone the one who comes second leaves, the first one waits for that: `KAFKA_UNSETTLED`
 * passes.
 */
function requireAll(
  places: readonly Place[],
  ranges: ReadonlyMap<string, unknown>,
  { group, desk, leftAt }: StartParts,
): void {
  if (places.length >= ranges.size) return;
  const isFirst = [...ranges.keys()].some((key) => leftAt(placeOfKey(key)) !== null);
  throw new RestillError(
    isFirst ? 'KAFKA_UNSETTLED' : 'GROUP_SHARED',
    `the group ${group} gives us ${places.length} of ${ranges.size} partitions of ` +
      `${desk.topics.join(', ')}: another process is in it; run one trainer, or give the other one ` +
      'a kafka.group and topics of its own',
  );
}

/** Before anything is read: another topic may be empty, and would be waited for in silence. */
function requireTopics(topics: readonly string[], offsets: Readonly<Record<string, number>>): void {
  const other = Object.keys(offsets).find((key) => !topics.includes(placeOfKey(key).topic));
  if (other === undefined) return;
  throw new RestillError(
    'JOURNAL_FOREIGN',
    `the journal holds what was read of ${other}, and \`topic\` is ${topics.join(', beside ')}; ` +
      'give another data directory, or the right topic',
  );
}
