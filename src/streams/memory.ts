// Which groups of those that left the ring are kept: bottom-k by a seeded hash of the sequence number (Broder
// 1997; Cohen and Kaplan 2007). Each of them is kept with the same probability, whatever the order, and no
// random state is needed: the k smallest of a set are the same however the set was gathered.
import { assert } from '../errors.ts';
import { hash32 } from '../hash.ts';

export interface Member {
  readonly slot: number;
  readonly sequence: number;
}

export interface Memory {
  /** Members by ascending rank. */
  readonly members: readonly Member[];
  /** The slot for the group, in which another one may be that must go; null if the group is not kept. */
  offer(sequence: number): number | null;
}

/** @param members those of an earlier call, in slots from 0 without gaps, in any order. */
export function openMemory(
  options: { readonly capacity: number; readonly seed: number },
  members: Iterable<Member>,
): Memory {
  const ranked = Array.from(members, (member) => ({
    ...member,
    rank: rankOf(member.sequence, options.seed),
  }));
  ranked.sort(byRank);
  assert(ranked.length <= options.capacity, `${ranked.length} groups in a memory of ${options.capacity}`);

  return {
    members: ranked,
    offer(sequence) {
      const rank = rankOf(sequence, options.seed);
      const full = ranked.length === options.capacity;
      if (full && byRank({ rank, sequence }, ranked.at(-1)!) >= 0) return null;
      const slot = full ? ranked.pop()!.slot : ranked.length;
      let low = 0;
      let high = ranked.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (byRank(ranked[middle]!, { rank, sequence }) < 0) low = middle + 1;
        else high = middle;
      }
      ranked.splice(low, 0, { slot, sequence, rank });
      return slot;
    },
  };
}

interface Ranked {
  readonly rank: number;
  readonly sequence: number;
}

const rankOf = (sequence: number, seed: number): number => hash32(`memory ${sequence}`, seed);

const byRank = (a: Ranked, b: Ranked): number => a.rank - b.rank || a.sequence - b.sequence;
