// Whether the topics that are being read are still there, and still the same ones as far as its ends tell: a
// consumer that waits at the end of a topic does not notice that it was deleted, or made again (promise 10).
//
// Not noticed here: a topic that is made again and has grown beyond our place between two looks. The next
// take-up compares the record before.
import type { Timer } from '../clock.ts';
import { RestillError } from '../errors.ts';
import type { Place } from './ports.ts';
import { endsBefore } from './take-up.ts';
import { partitionKey } from './watermark.ts';

export interface TopicWatchParts {
  readonly timer: Timer;
  readonly everyMs: number;
  readonly desk: {
    /** By `topic/partition`. */
    ranges(): Promise<ReadonlyMap<string, { readonly high: number }>>;
  };
  /** Next offset of the partitions that are read now. */
  readonly places: () => readonly (Place & { readonly next: number })[];
  /** Told once; nothing is looked at any more. */
  readonly failed: (error: unknown) => void;
}

export interface TopicWatch {
  close(): void;
}

/** How often in a row the broker must say so: one that has just started may not know its topics yet. */
const timesMax = 2;

export function watchTopic({ timer, everyMs, desk, places, failed }: TopicWatchParts): TopicWatch {
  let times = 0;
  let closed = false;
  let cancel = timer.after(everyMs, () => void look());
  async function look(): Promise<void> {
    const before = places();
    const error = await desk.ranges().then(
      (ranges) => cutOff(before, ranges),
      (refused: unknown) => refused,
    );
    if (closed) return;
    const isPassing = error instanceof RestillError && error.disposition === 'retry';
    times = error === null || isPassing ? 0 : times + 1;
    if (times < timesMax) cancel = timer.after(everyMs, () => void look());
    else failed(error);
  }
  return {
    close: () => {
      closed = true;
      cancel();
    },
  };
}

/** The places are older than the ranges: a topic that is the same has not ended before them. */
function cutOff(
  places: ReturnType<TopicWatchParts['places']>,
  ranges: ReadonlyMap<string, { readonly high: number }>,
): RestillError | null {
  for (const place of places) {
    const key = partitionKey(place);
    const high = ranges.get(key)?.high ?? 0;
    if (place.next > high) return endsBefore(key, place.next, high);
  }
  return null;
}
