// When the fetching of a partition is paused and resumed: by hysteresis, so that it does not flutter. What
// waits is bounded by `kafka.buffer_max`, shared equally by the partitions, and one fetch beyond it for each
// (promise 11).
import type { Place } from './ports.ts';
import { partitionKey } from './watermark.ts';

export interface Waiting extends Place {
  readonly bytes: number;
}

export interface PressureChange {
  readonly pause: readonly Place[];
  readonly resume: readonly Place[];
}

/** @param paused partitions that are paused now, as `topic/partition`. */
export function pressure(
  partitions: readonly Waiting[],
  paused: ReadonlySet<string>,
  bufferMax: number,
): PressureChange {
  const high = bufferMax / Math.max(1, partitions.length);
  const low = high / 2;
  const isPaused = (at: Waiting): boolean => paused.has(partitionKey(at));
  return {
    pause: partitions.filter((at) => at.bytes >= high && !isPaused(at)),
    resume: partitions.filter((at) => at.bytes <= low && isPaused(at)),
  };
}
