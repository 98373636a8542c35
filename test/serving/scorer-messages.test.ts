// Invariants: what is joined for the way to the process that scores is split there into the same sequences.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinSequences, splitSequences } from '../../src/serving/scorer-messages.ts';

it('joins sequences by hand', () => {
  const sequences = [
    { ids: Int32Array.of(7, 8), segments: Int32Array.of(0, 1) },
    { ids: Int32Array.of(9), segments: Int32Array.of(1) },
  ];
  expect(joinSequences(sequences)).toEqual({
    kind: 'score',
    lengths: Int32Array.of(2, 1),
    ids: Int32Array.of(7, 8, 9),
    segments: Int32Array.of(0, 1, 1),
  });
});

it('splits what was joined', () => {
  const sequence = fc.array(fc.tuple(fc.nat(30_000), fc.nat(1)), { minLength: 1 }).map((tokens) => ({
    ids: Int32Array.from(tokens, ([id]) => id),
    segments: Int32Array.from(tokens, ([, segment]) => segment),
  }));
  fc.assert(
    fc.property(fc.array(sequence), (sequences) => {
      expect(splitSequences(joinSequences(sequences))).toEqual(sequences);
    }),
  );
});
