// Invariants:
// - the texts follow from the vocabulary alone, fit the student and go beyond it, and know nothing of the
//   stream
// - each vector has the student's own ids and logit; a fault is there exactly where it changes what is read
// - the faults read as their names say: hand-made sequences
// - the file is read back as it was written; what is damaged is named by its line
import { describe, expect, it } from 'vitest';
import {
  decodeGolden,
  encodeGolden,
  encodeRight,
  makeGolden,
  type Reading,
} from '../../src/checkpoint/golden.ts';
import { goldenTexts } from '../../src/checkpoint/golden-texts.ts';
import type { EncodedPair } from '../../src/contract.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { buildWordPiece } from '../../src/tensor/vocabulary.ts';

const words = ['alpha', 'bravo', 'delta', 'gamma', 'kilo', 'lima'];
const tokenizer = openTokenizer(
  buildWordPiece(
    words.map((word) => `${word} ${word} ${word}`),
    400,
  ),
);
const reading: Reading = { tokensMax: 8, positions: 16, segments: 'bert' };

/** A score that no two readings share. */
const asNumbers = (pairs: readonly EncodedPair[]): Float32Array =>
  Float32Array.from(pairs, ({ ids, segments }) =>
    ids.reduce((sum, id, at) => sum + (id + 1) * (at + 1) + segments[at]! * 0.5 * (at + 1), 0),
  );

const idsOf = (text: string): number[] => [...tokenizer.encode(text)];
const [cls, sep] = [tokenizer.special.classify!, tokenizer.special.separate!];

function faultsOf(query: string, document: string, how: Reading = reading) {
  const seen: EncodedPair[] = [];
  const score = (pairs: readonly EncodedPair[]) => {
    seen.push(...pairs);
    return asNumbers(pairs);
  };
  const [vector] = makeGolden([{ query, document }], tokenizer, how, score);
  const read = Object.keys(vector!.faults).map((name, i) => [name, seen[i + 1]!] as const);
  return { vector: vector!, reads: new Map(read) };
}

describe('the texts', () => {
  it('are the same for the same vocabulary', () => {
    expect(goldenTexts(words, 24)).toEqual(goldenTexts([...words], 24));
    expect(goldenTexts(words, 24)).not.toEqual(goldenTexts(['other', 'words'], 24));
  });

  it('go beyond the longest sequence, on either side', () => {
    const texts = goldenTexts(words, 24);
    const longer = (text: string) => idsOf(text).length + 3 > 24;
    expect(texts.filter(({ document }) => longer(document)).length).toBeGreaterThanOrEqual(6);
    expect(texts.filter(({ query }) => idsOf(query).length > 12).length).toBe(1);
  });

  it('can be made of a vocabulary without words', () => {
    expect(goldenTexts(['日', '本'], 24).length).toBe(goldenTexts(words, 24).length);
  });
});

describe('a vector', () => {
  it('has what the student reads', () => {
    const text = { query: 'alpha', document: 'bravo delta' };
    const { vector } = faultsOf(text.query, text.document);
    const right = encodeRight(tokenizer, text, reading);
    expect(vector.ids).toEqual([...right.ids]);
    expect(vector.segments).toEqual([...right.segments]);
    expect(vector.logit).toBe(asNumbers([right])[0]);
    expect(Object.keys(vector.faults).sort()).toEqual(['segments-zeroed', 'swapped']);
  });

  it('knows what the usual mistakes read', () => {
    const [a, b, c, d, e, f] = words.map((word) => idsOf(word)[0]!);
    // 5 tokens have room beside [CLS] and two [SEP]s.
    const { reads } = faultsOf('alpha bravo delta', 'gamma kilo lima');
    expect([...reads.get('cut-left')!.ids]).toEqual([cls, a, b, c, sep, e, f, sep]);
    expect([...reads.get('cut-to-16')!.ids]).toEqual([cls, a, b, c, sep, d, e, f, sep]);
    const long = faultsOf('alpha bravo delta gamma', 'kilo lima').reads;
    expect([...long.get('cut-longest')!.ids]).toEqual([cls, a, b, c, sep, e, f, sep]);
    expect([...long.get('swapped')!.ids]).toEqual([cls, e, f, sep, a, b, c, sep]);
    expect([...long.get('segments-zeroed')!.segments]).toEqual(Array(8).fill(0));
  });

  it('without segments knows nothing of them', () => {
    const { vector } = faultsOf('alpha', 'bravo', { ...reading, segments: 'none' });
    expect(vector.segments.every((segment) => segment === 0)).toBe(true);
    expect(vector.faults).not.toHaveProperty('segments-zeroed');
  });
});

describe('the file', () => {
  it('is read back', () => {
    const { vector } = faultsOf('alpha', 'bravo "delta"\n');
    expect(decodeGolden(Buffer.from(encodeGolden([vector, vector])).toString())).toEqual([vector, vector]);
  });

  it.each([
    ['', /empty/],
    ['{"query":1}\n', /line 1/],
    ['nonsense', /line 1/],
  ])('is not %j', (text, message) => {
    expect(() => decodeGolden(text)).toThrowError(message);
  });
});
