// The group's commit trails the journal, for tools that show lag and for the member of a shared group that
// takes a partition over. At most one is under way; one that fails is not repeated, the next one says more.
// It never goes back behind where a partition was taken up: another member may have been further.
import type { Timer } from '../clock.ts';
import type { Place } from './ports.ts';
import { placeOfKey } from './watermark.ts';

export interface PartitionOffset extends Place {
  readonly offset: string;
}

type Commit = (partitions: PartitionOffset[]) => Promise<void>;

export interface Commits {
  /** What is durable, per `topic/partition`. */
  acknowledge(offsets: Readonly<Record<string, number>>): void;
  /** How to commit from now on: kafkajs gives it with each batch. */
  open(commit: Commit): void;
  /** Only what is assigned may be committed, from where it was taken up (by `topic/partition`) on. */
  assigned(starts: ReadonlyMap<string, number>): void;
  now(): Promise<void>;
  close(): Promise<void>;
}

export function openCommits(everyMs: number, timer: Timer, failed: (error: unknown) => void): Commits {
  let durable: Readonly<Record<string, number>> = {};
  let starts: ReadonlyMap<string, number> = new Map();
  let commit: Commit | null = null;
  const committed = new Map<string, number>();
  let underWay: Promise<void> = Promise.resolve();
  let cancel: (() => void) | null = null;

  const run = async (): Promise<void> => {
    const offsets = [...starts].flatMap(([key, start]) => {
      const next = durable[key];
      return next === undefined || next < start || next === committed.get(key) ? [] : [[key, next] as const];
    });
    if (commit === null || offsets.length === 0) return;
    try {
      await commit(offsets.map(([key, offset]) => ({ ...placeOfKey(key), offset: String(offset) })));
      for (const [key, offset] of offsets) committed.set(key, offset);
    } catch (error) {
      failed(error);
    }
  };
  const now = (): Promise<void> => {
    cancel?.();
    cancel = null;
    underWay = underWay.then(run);
    return underWay;
  };

  return {
    acknowledge(offsets) {
      durable = offsets;
      cancel ??= timer.after(everyMs, () => void now());
    },
    open(how) {
      commit = how;
    },
    assigned(assigned) {
      starts = assigned;
      committed.clear();
    },
    now,
    close: now,
  };
}

/** As kafkajs wants them. */
export const byTopic = (
  offsets: readonly PartitionOffset[],
): { readonly topic: string; readonly partitions: PartitionOffset[] }[] =>
  [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
    topic,
    partitions: offsets.filter((at) => at.topic === topic),
  }));
