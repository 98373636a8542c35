// A live topic as the commands see it.
import type { PartitionProgress } from './live-order.ts';
import type { Source } from './ports.ts';

export interface LiveSource extends Source {
  /** What is durable, per `topic/partition`: the group's commit follows, now and then. */
  acknowledge(offsets: Readonly<Record<string, number>>): void;
  partitions(): readonly LivePartition[];
  /** All that is assigned, from where `takeOver` says then, as soon as the group has confirmed it. */
  takeUpAgain(): void;
}

export type LivePartition = PartitionProgress & { readonly paused: boolean };
