// When two queries are the same: NFKC, case and white space do not matter, everything else does.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldSpace, normalizeQuery, queryKey } from '../../src/streams/normalize.ts';

test.each([
  ['  Red \t SHOES\n', 'red shoes'],
  ['ＲＥＤ　ｓｈｏｅｓ', 'red shoes'], // full-width letters and an ideographic blank
  ['ﬁne', 'fine'], // the ligature
  ['Samsung™ ℡', 'samsungtm tel'], // signs that stand for capital letters
  ['STRASSE', 'strasse'],
  ['straße', 'straße'],
  ['Cafe\u0301', 'caf\u00e9'], // a combining accent
  ['İstanbul', 'i\u0307stanbul'],
  ['', ''],
])('%j is %j', (query, expected) => {
  expect(normalizeQuery(query)).toBe(expected);
});

test('accents and punctuation tell queries apart', () => {
  expect(normalizeQuery('resume')).not.toBe(normalizeQuery('résumé'));
  expect(normalizeQuery('c++')).not.toBe(normalizeQuery('c'));
});

test('folding white space keeps case', () => {
  expect(foldSpace(' iPhone\u00a0 15 ')).toBe('iPhone 15');
});

test('a run of white space of any kind is one blank', () => {
  const blanks = fc.constantFrom(' ', ' ', '\t', '\n', '\r', '\u00a0', '\u3000', '\ufeff');
  fc.assert(
    fc.property(fc.string({ unit: fc.oneof(blanks, fc.constantFrom('a', '-')) }), (query) => {
      expect(foldSpace(query)).toBe(query.split(/\s/).filter(Boolean).join(' '));
    }),
  );
});

test('the key is pinned: another one would orphan every journal', () => {
  expect(queryKey('red shoes')).toBe('8e9b7e679cecb6be');
  expect(queryKey('red shoes ')).not.toBe(queryKey('red shoes'));
});

test('normalising twice changes nothing, and upper case never matters for ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (query) => {
      const once = normalizeQuery(query);
      expect(normalizeQuery(once)).toBe(once);
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.string(), (query) => {
      expect(normalizeQuery(query.toUpperCase())).toBe(normalizeQuery(query));
    }),
  );
});
