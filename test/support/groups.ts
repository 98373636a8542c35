// Groups and journals for tests that need no disk.
import type { Group, JournalReader } from '../../src/contract.ts';

/** A group of `size` results; the first one satisfied-clicked, better than all others. */
export function groupOf(sequence: number, change: Partial<Group> = {}, size = 4): Group {
  const results = Array.from({ length: size }, (_, i) => ({
    documentId: `d${sequence}-${i}`,
    title: `title ${i}`,
    summary: `summary of ${sequence}`,
    position: i + 1,
    propensity: 1 / (i + 1),
    clicked: i === 0,
    satisfied: i === 0,
  }));
  return {
    sequence,
    impressionId: `i${sequence}`,
    timeMs: 1_000 + sequence,
    newestMs: 2_000 + sequence,
    query: `query ${sequence % 7}`,
    queryKey: `k${sequence % 7}`,
    holdout: false,
    results,
    pairs: [0],
    preferences: results.slice(1).map((_, i) => ({ better: 0, worse: i + 1, weight: 1 })),
    corrects: null,
    origin: { topic: 'clicks', partition: sequence % 2, offset: sequence },
    ...change,
  };
}

/** A journal in memory: the ring holds [low, groups.length), the memory what `remembered` names. */
export function journalOf(
  groups: readonly Group[],
  low = 0,
  remembered: readonly number[] = [],
): JournalReader {
  const at = (sequence: number): Group => {
    const group = groups[sequence];
    if (!group) throw new Error(`no group ${sequence}`);
    return group;
  };
  return {
    status: () => ({ low, high: groups.length, ended: true, contentHash: '', offsets: {} }),
    read: (from, to) => {
      if (from < low || to > groups.length)
        throw new Error(`[${from}, ${to}) is outside [${low}, ${groups.length})`);
      return groups.slice(from, to);
    },
    memory: () => [...remembered],
    recall: (sequences) => sequences.map(at),
    close: () => Promise.resolve(),
  };
}

export interface RingJournal extends JournalReader {
  /** Groups before cursor - recentMax leave the ring; all of them are remembered. */
  retire(cursor: number): void;
}

/** A journal in memory that can be retired. */
export function ringJournal(groups: readonly Group[], recentMax: number): RingJournal {
  let low = 0;
  const at = (): JournalReader => journalOf(groups, low, [...Array(low).keys()]);
  return {
    status: () => at().status(),
    read: (from, to) => at().read(from, to),
    memory: () => at().memory(),
    recall: (sequences) => at().recall(sequences),
    close: () => Promise.resolve(),
    retire: (cursor) => {
      low = Math.max(low, cursor - recentMax);
    },
  };
}
