// A live topic as the commands see it.
import type { PartitionProgress } from './live-order.ts';
import type { PlacedRecord, Source } from './ports.ts';

export interface LiveSource<Item = PlacedRecord> extends Source<Item> {
  /** What is durable, per `topic/partition`: the group's commit follows, now and then. */
  acknowledge(offsets: Readonly<Record<string, number>>): void;
  partitions(): readonly LivePartition[];
  /** All that is assigned, from where `takeOver` says then, as soon as the group has confirmed it. */
  takeUpAgain(): void;
}

export type LivePartition = PartitionProgress & { readonly paused: boolean };

/** What an operator may want to know of; never of what is in a record. Partitions as `topic/partition`. */
export type LiveNotice =
  | { readonly kind: 'joined'; readonly partitions: readonly string[] }
  | { readonly kind: 'rebalancing' }
  | { readonly kind: 'gap'; readonly partition: string; readonly from: number; readonly to: number }
  | { readonly kind: 'paused' | 'resumed'; readonly partitions: readonly string[] }
  | { readonly kind: 'restarting' | 'away' | 'unsettled' | 'uncommitted'; readonly message: string }
  | { readonly kind: 'back' };
