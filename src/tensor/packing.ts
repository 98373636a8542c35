// Packed batches. Sequences differ in length, and a padded matrix product works on pads for nothing. So the
// model's rows are the real tokens of all sequences, one after the other; only attention sees a padded grid.
//
//   sequences  [a b c] [d e]      n = 2 sequences, m = 5 real tokens, t = 3 cells in the longest
//   rows        a b c d e         ids, positions (0 1 2 0 1), segments: one per real token
//   cells       0 1 2 3 4         where each row stands in the grid
//   grid       [0 1 2] [3 4 0]    which row stands in each cell; a pad shows row 0
//   mask       [1 1 1] [1 1 0]
//   first       0 3               row of the first token of each sequence; last: 2 4
//
// Invariants: grid[cells[i]] = i; the cells with mask 1 are those in `cells`; pads follow the real tokens.
import type { EncodedCompletion } from '../contract.ts';
import { assert } from '../errors.ts';
import type { FeedSpec, Size } from './graph.ts';

/** A batch as numbers, feeds or tensors: n sequences, m real tokens, at most t in one sequence. */
export interface PackedBatch<T> {
  /** int32 [m]. */
  readonly ids: T;
  /** int32 [m], from 0 in each sequence. */
  readonly positions: T;
  /** int32 [m]. */
  readonly segments: T;
  /** int32 [m]: the cell of each token, row-major in [n, t]. */
  readonly cells: T;
  /** int32 [n, t]: the token of each cell. */
  readonly grid: T;
  /** float32 [n, t]: 1 for a real token, 0 for a pad. */
  readonly mask: T;
  /** int32 [n]. */
  readonly first: T;
  /** int32 [n]. */
  readonly last: T;
}

/** What is fed into a function. The shape is row-major; no dimensions: a scalar. */
export interface FeedValue {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** Token ids, with segment ids where the model has them (all zero otherwise). At least one token. */
export interface TokenSequence {
  readonly ids: Int32Array;
  readonly segments?: Int32Array;
}

/** The feeds of a packed batch of `sequences` sequences. */
export function packedFeeds(sequences: Size): PackedBatch<FeedSpec> {
  const perToken: FeedSpec = { type: 'int32', shape: ['m'] };
  const perSequence: FeedSpec = { type: 'int32', shape: [sequences] };
  return {
    ids: perToken,
    positions: perToken,
    segments: perToken,
    cells: perToken,
    grid: { type: 'int32', shape: [sequences, 't'] },
    mask: { type: 'float32', shape: [sequences, 't'] },
    first: perSequence,
    last: perSequence,
  };
}

/** Packs sequences in the order given. Like lengths cost least: sorting is the caller's business. */
export function pack(sequences: readonly TokenSequence[]): PackedBatch<FeedValue> {
  const n = sequences.length;
  const m = sequences.reduce((sum, { ids }) => sum + ids.length, 0);
  const t = sequences.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  assert(
    n > 0 && sequences.every(({ ids }) => ids.length > 0),
    'a batch needs sequences of at least one token',
  );
  const ids = new Int32Array(m);
  const positions = new Int32Array(m);
  const segments = new Int32Array(m);
  const cells = new Int32Array(m);
  const grid = new Int32Array(n * t);
  const mask = new Float32Array(n * t);
  const first = new Int32Array(n);
  const last = new Int32Array(n);
  let row = 0;
  sequences.forEach((sequence, i) => {
    const length = sequence.ids.length;
    ids.set(sequence.ids, row);
    if (sequence.segments) {
      assert(sequence.segments.length === length, 'a sequence has as many segment ids as tokens');
      segments.set(sequence.segments, row);
    }
    first[i] = row;
    for (let position = 0; position < length; position++, row++) {
      const cell = i * t + position;
      positions[row] = position;
      cells[row] = cell;
      grid[cell] = row;
      mask[cell] = 1;
    }
    last[i] = row - 1;
  });
  return {
    ids: { data: ids, shape: [m] },
    positions: { data: positions, shape: [m] },
    segments: { data: segments, shape: [m] },
    cells: { data: cells, shape: [m] },
    grid: { data: grid, shape: [n, t] },
    mask: { data: mask, shape: [n, t] },
    first: { data: first, shape: [n] },
    last: { data: last, shape: [n] },
  };
}

/** Which rows predict an output token, and which one: both int32 [k]. */
export interface OutputTokens<T> {
  readonly rows: T;
  readonly targets: T;
}

export const outputFeeds: OutputTokens<FeedSpec> = {
  rows: { type: 'int32', shape: ['k'] },
  targets: { type: 'int32', shape: ['k'] },
};

/** Packs prompts with what should follow them. The row before an output token predicts it. */
export function packCompletions(
  completions: readonly EncodedCompletion[],
): PackedBatch<FeedValue> & OutputTokens<FeedValue> {
  const rows: number[] = [];
  const targets: number[] = [];
  let start = 0;
  for (const { ids, outputFrom } of completions) {
    assert(outputFrom > 0 && outputFrom < ids.length, 'a completion needs a prompt and an output token');
    for (let position = outputFrom; position < ids.length; position++) {
      rows.push(start + position - 1);
      targets.push(ids[position]!);
    }
    start += ids.length;
  }
  return {
    ...pack(completions),
    rows: { data: Int32Array.from(rows), shape: [rows.length] },
    targets: { data: Int32Array.from(targets), shape: [targets.length] },
  };
}
