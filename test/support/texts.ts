// Texts of many scripts, seeded: what a search engine may meet, and what tokenizers disagree about.
import { randomFor } from '../../src/random.ts';

/** Inclusive ranges of code points, assigned in every Unicode version that Node and the Rust tables know. */
const ranges: readonly (readonly [number, number])[] = [
  [0x20, 0x7e], // ASCII
  [0x61, 0x7a],
  [0x61, 0x7a],
  [0x30, 0x39],
  [0xa0, 0x24f], // Latin with accents, soft hyphen, no-break space
  [0x300, 0x34e], // combining marks
  [0x391, 0x3a1], // Greek, with the capital sigma by itself below
  [0x3a3, 0x3ce],
  [0x400, 0x4ff], // Cyrillic
  [0x5d0, 0x5ea], // Hebrew
  [0x621, 0x652], // Arabic and its vowel signs
  [0x905, 0x939], // Devanagari
  [0xe01, 0xe3a], // Thai
  [0x1e00, 0x1eff], // Latin and Vietnamese
  [0x2000, 0x2027], // spaces of all widths, dashes, quotes
  [0x20a0, 0x20b5], // currencies
  [0x2100, 0x214f], // letter-like
  [0x3001, 0x3011], // CJK punctuation
  [0x3041, 0x3096], // Hiragana
  [0x30a1, 0x30fa], // Katakana
  [0x4e00, 0x9fa5], // CJK
  [0xac00, 0xd7a3], // Hangul
  [0xfb00, 0xfb06], // ligatures
  [0xff01, 0xff5e], // full width
  [0x1f300, 0x1f5ff], // pictures
  [0x20000, 0x2a6d6], // rare ideographs
];
const words = [
  'red',
  'Shoes',
  'ΣΑΣ',
  'İstanbul',
  'straße',
  'don’t',
  "it's",
  'x'.repeat(101),
  '[SEP]',
  '\t',
  '\r\n',
];

/** `count` texts; the same for the same seed. */
export function someTexts(count: number, seed: number): string[] {
  const random = randomFor(seed, 'texts');
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)]!;
  const letter = ([from, to]: readonly [number, number]): string =>
    String.fromCodePoint(from + random.below(to - from + 1));
  const word = (): string => {
    if (random.next() < 0.1) return pick(words);
    const script = pick(ranges);
    const strange = pick(ranges);
    return Array.from({ length: 1 + random.below(8) }, () =>
      letter(random.next() < 0.9 ? script : strange),
    ).join('');
  };
  return Array.from({ length: count }, () => Array.from({ length: random.below(12) }, word).join(' '));
}
