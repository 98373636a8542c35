// When the fetching of a partition is paused and resumed: by hysteresis, so that it does not flutter. What
// waits is bounded by `kafka.buffer_max`, shared equally by the partitions, and one fetch beyond it for each
// (promise 11).

export interface Waiting {
  readonly partition: number;
  readonly bytes: number;
}

export interface PressureChange {
  readonly pause: readonly number[];
  readonly resume: readonly number[];
}

/** @param paused partitions that are paused now. */
export function pressure(
  partitions: readonly Waiting[],
  paused: ReadonlySet<number>,
  bufferMax: number,
): PressureChange {
  const high = bufferMax / Math.max(1, partitions.length);
  const low = high / 2;
  const numbers = (chosen: readonly Waiting[]): number[] => chosen.map(({ partition }) => partition);
  return {
    pause: numbers(partitions.filter(({ partition, bytes }) => bytes >= high && !paused.has(partition))),
    resume: numbers(partitions.filter(({ partition, bytes }) => bytes <= low && paused.has(partition))),
  };
}
