// Which groups a turn learns from: the fresh ones and a share of the past (promise 5, DESIGN section 6). The
// past is the ring before the cycle and the memory as of the last scheduled generation, so the choice is a
// function of the cursor and never of how far ingest has run ahead.
import type { Group, JournalReader } from '../contract.ts';
import type { Random } from '../random.ts';

export interface RehearsalOptions {
  /** Of all groups of the turn, in [0, 1). */
  readonly share: number;
  readonly perQueryMax: number;
}

/** Fresh groups [from, to) and past ones, both without holdout groups (promise 7) and bounded per query. */
export function rehearse(
  journal: JournalReader,
  block: { from: number; to: number },
  options: RehearsalOptions,
  random: Random,
): { fresh: Group[]; past: Group[] } {
  const trainable = (groups: Group[]): Group[] => groups.filter((group) => !group.holdout);
  const fresh = trainable(journal.read(block.from, block.to));
  const wanted = Math.round((fresh.length * options.share) / (1 - Math.min(options.share, 0.99)));
  const memory = journal.memory();
  const recentCount = block.from - journal.status().low;
  // Half recent, half uniform over what has left the ring; whichever is short is filled by the other.
  const fromMemory = Math.min(memory.length, Math.max(Math.floor(wanted / 2), wanted - recentCount));
  const fromRecent = Math.min(recentCount, wanted - fromMemory);
  const past = [
    ...recall(journal, memory, fromMemory, random),
    ...recent(journal, block.from, recentCount, fromRecent, random),
  ];
  return {
    fresh: boundPerQuery(fresh, options.perQueryMax),
    past: boundPerQuery(trainable(past), options.perQueryMax),
  };
}

function recall(journal: JournalReader, memory: number[], count: number, random: Random): Group[] {
  return journal.recall(random.sample(memory, count).sort((a, b) => a - b));
}

function recent(
  journal: JournalReader,
  before: number,
  available: number,
  count: number,
  random: Random,
): Group[] {
  const sequences = Array.from({ length: available }, (_, i) => before - available + i);
  return random
    .sample(sequences, count)
    .sort((a, b) => a - b)
    .flatMap((sequence) => journal.read(sequence, sequence + 1));
}

/** Keeps the newest `max` groups of each query, so that a flood of one query cannot fill a turn. */
export function boundPerQuery(groups: readonly Group[], max: number): Group[] {
  const seen = new Map<string, number>();
  const kept = [...groups].reverse().filter((group) => {
    const count = (seen.get(group.queryKey) ?? 0) + 1;
    seen.set(group.queryKey, count);
    return count <= max;
  });
  return kept.reverse();
}
