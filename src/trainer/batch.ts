// Groups -> items -> batches, for each objective. Pure: the same groups and generator give the same batches.
import type { Group } from '../contract.ts';
import type { Random } from '../random.ts';

/** Continued pre-training: query -> clicked title and summary. */
export interface PairItem {
  readonly group: Group;
  readonly result: number;
}

/** Rank fine-tuning: one result is better than another. */
export interface PreferenceItem {
  readonly group: Group;
  readonly better: number;
  readonly worse: number;
  readonly weight: number;
}

/** Distillation: two results of one query, whose teacher scores the student learns. */
export interface DistillItem {
  readonly group: Group;
  readonly positive: number;
  readonly negative: number;
}

export const pairItems = (groups: readonly Group[]): PairItem[] =>
  groups.flatMap((group) => group.pairs.map((result) => ({ group, result })));

export const preferenceItems = (groups: readonly Group[]): PreferenceItem[] =>
  groups.flatMap((group) => group.preferences.map((preference) => ({ group, ...preference })));

/**
 * `perGroup` pairs of different results of each group; margins are signed, so the order within a pair is
 * free.
 */
export function distillItems(groups: readonly Group[], perGroup: number, random: Random): DistillItem[] {
  return groups.flatMap((group) => {
    const count = group.results.length;
    if (count < 2) return [];
    return Array.from({ length: Math.min(perGroup, (count * (count - 1)) / 2) }, () => {
      const positive = random.below(count);
      const negative = (positive + 1 + random.below(count - 1)) % count;
      return { group, positive, negative };
    });
  });
}

/** A batch in at most `count` parts of one size, the last of which may be smaller. Order is kept. */
export function microBatches<T>(batch: readonly T[], count: number): T[][] {
  const size = Math.ceil(batch.length / count);
  return Array.from({ length: Math.ceil(batch.length / size) }, (_, i) =>
    batch.slice(i * size, (i + 1) * size),
  );
}

/**
 * Which items to score together: like lengths, so that padding costs next to nothing, and at most so many
 * items and tokens at a time, pads included. An item longer than `tokens` stands alone.
 *
 * @param lengths in tokens.
 * @returns indices of the items; each once, shortest first.
 */
export function batchesByLength(
  lengths: readonly number[],
  { items, tokens }: { readonly items: number; readonly tokens: number },
): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  for (const i of order) {
    const open = batches.at(-1);
    // It is the longest so far: all would be padded to its length.
    const fits = open && open.length < items && (open.length + 1) * lengths[i]! <= tokens;
    if (fits) open.push(i);
    else batches.push([i]);
  }
  return batches;
}

export interface BatchOptions {
  readonly batch: number;
  readonly passes: number;
  readonly stepsMax: number;
}

/** Shuffled passes over the items, cut into at most `stepsMax` batches; the last one may be smaller. */
export function batches<T>(items: readonly T[], options: BatchOptions, random: Random): T[][] {
  const order = Array.from({ length: options.passes }, () => random.shuffle([...items])).flat();
  const steps = Math.min(options.stepsMax, Math.ceil(order.length / options.batch));
  return Array.from({ length: steps }, (_, i) => order.slice(i * options.batch, (i + 1) * options.batch));
}
