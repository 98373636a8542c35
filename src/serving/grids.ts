// Which sequences pass through the graph together. It works on real tokens alone but for attention, whose
// grid is as wide as the longest sequence: so like lengths go together, and no grid is larger than memory
// should hold.
import type { EncodedPair } from '../contract.ts';

/** Cells over real tokens. Attention is a few hundredths of the work, so a little padding costs nothing. */
const paddingMax = 1.25;
/** Of one head's attention, sequences x length x length: times 12 heads and 4 bytes that is 100 MB. */
const attentionMax = 1 << 21;
/** Sequences of one length still share a grid this size when one of them is a little longer. */
const sequencesMin = 4;

/** Indices of the sequences by grid, every index once; the longest come first. */
export function grids(lengths: readonly number[]): number[][] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const all: number[][] = [];
  let longest = 0;
  let tokens = 0;
  for (const index of order) {
    const length = lengths[index]!;
    const grid = all.at(-1);
    const rows = (grid?.length ?? 0) + 1;
    const isPadded = rows > sequencesMin && rows * longest > paddingMax * (tokens + length);
    if (grid === undefined || isPadded || rows * longest * longest > attentionMax) {
      all.push([index]);
      [longest, tokens] = [length, length];
    } else {
      grid.push(index);
      tokens += length;
    }
  }
  return all;
}

/** The three padded inputs of the graph, row-major [sequences, length], int64. */
export interface Grid {
  readonly shape: readonly [sequences: number, length: number];
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
  readonly segments: BigInt64Array;
}

export function fillGrid(sequences: readonly EncodedPair[]): Grid {
  const length = sequences.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const cells = sequences.length * length;
  const [ids, mask, segments] = [0, 0, 0].map(() => new BigInt64Array(cells)) as [
    BigInt64Array,
    BigInt64Array,
    BigInt64Array,
  ];
  // Through their low halves: a BigInt for every number would take longer than a small student.
  const [lowIds, lowMask, lowSegments] = [ids, mask, segments].map((x) => new Int32Array(x.buffer));
  sequences.forEach((sequence, row) => {
    for (let i = 0; i < sequence.ids.length; i++) {
      const low = 2 * (row * length + i);
      lowIds![low] = sequence.ids[i]!;
      lowMask![low] = 1;
      lowSegments![low] = sequence.segments[i]!;
    }
  });
  return { shape: [sequences.length, length], ids, mask, segments };
}
