// Where a partition is taken up when it is assigned: a function of what the journal has, what the group has
// committed and what the broker still holds (promise 10).
import type { KafkaConfig } from '../config-kafka.ts';
import { RestillError } from '../errors.ts';

export interface Known {
  /** `topic/partition`, for messages. */
  readonly key: string;
  /** Next offset by our own account; null: the partition is new to us. */
  readonly own: number | null;
  /** Next offset as the group has committed it; null: none. Looked at in a shared group only. */
  readonly committed: number | null;
  /** First offset that the broker has, and the one after the last. */
  readonly low: number;
  readonly high: number;
  /** Where to begin with a partition that nobody knows; at least `low`. */
  readonly first: number;
}

export interface TakeUp {
  readonly next: number;
  /** Offsets that were deleted before they were read, and are passed over as kafka.on_gap says. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/**
 * A group of one takes its journal for the truth: the group's commit trails it, and may be of another
 * journal. In a shared group another member may have gone on where this one left.
 * @throws RestillError OFFSET_GAP, JOURNAL_FOREIGN
 */
export function takeUp(known: Known, { shared, onGap }: Pick<KafkaConfig, 'shared' | 'onGap'>): TakeUp {
  const { key, own, low, high } = known;
  const committed = shared ? known.committed : null;
  const next = own === null ? committed : Math.max(own, committed ?? 0);
  if (next === null) return { next: known.first, gap: null };
  if (next > high) throw endsBefore(key, next, high);
  if (next >= low) return { next, gap: null };
  const gap = { from: next, to: low };
  if (onGap === 'halt') throw deleted(key, gap);
  return { next: low, gap };
}

export const deleted = (key: string, { from, to }: { from: number; to: number }): RestillError =>
  new RestillError(
    'OFFSET_GAP',
    `offsets ${from} to ${to - 1} of ${key} were deleted from the topic before they were read; ` +
      'set kafka.on_gap to continue to go on without them, and a longer retention for the next time',
  );

export const endsBefore = (key: string, next: number, high: number): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `${key} ends at offset ${high}, but was read up to ${next}: the topic was made again, or is another ` +
      "broker's; give another data directory, or the right broker",
  );
