// Invariants: a generation's golden file has texts of its own vocabulary, the ids and segments that its
// student reads, and the logits that the score given computes, in order.
import { expect, it } from 'vitest';
import { goldenOf } from '../../src/checkpoint/generation-golden.ts';
import { decodeGolden } from '../../src/checkpoint/golden.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { buildWordPiece } from '../../src/tensor/vocabulary.ts';

it('holds what the student reads and says', () => {
  const json = buildWordPiece(['alpha alpha bravo bravo delta delta'], 300);
  const tokenizer = openTokenizer(json);
  const files = [{ path: 'student/tokenizer.json', bytes: Buffer.from(json) }];
  const { path, bytes } = goldenOf(files, { tokensMax: 10, segments: 'bert' }, (pairs) =>
    Float32Array.from(pairs, (_, i) => i + 0.5),
  );
  expect(path).toBe('golden.jsonl');
  const vectors = decodeGolden(Buffer.from(bytes).toString());
  expect(vectors.map(({ logit }) => logit)).toEqual(vectors.map((_, i) => i + 0.5));
  for (const { query, document, ids, segments, faults } of vectors) {
    const read = tokenizer.encodePair(query, { title: document, summary: '' }, 10, 'bert');
    expect([ids, segments, faults]).toEqual([[...read.ids], [...read.segments], {}]);
  }
  expect(vectors.some(({ document }) => /alpha|bravo|delta/.test(document))).toBe(true);
});
