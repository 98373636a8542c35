// Texts that show whether a server does to them what the student learnt on. Made up, never from the stream: a
// bundle goes to other machines, and what people searched for does not (promise 12).
import { randomFor } from '../random.ts';

export interface GoldenText {
  readonly query: string;
  /** Title and summary as a server is given them: one text. */
  readonly document: string;
}

/** Whatever a tokenizer may treat in its own way. */
const fixed: readonly GoldenText[] = [
  { query: 'red running shoes', document: 'Trail runner. Light shoe with a grippy sole.' },
  { query: 'RED Running SHOES', document: 'TRAIL Runner. Light shoe with a GRIPPY sole.' },
  { query: 'crème brûlée', document: 'Crème brûlée torch, naïve café décor: 12.5 cm, 3/4" nozzle (2-pack)' },
  { query: '日本 茶 ☕', document: '緑茶 ティーバッグ 100個入り 🍵 green tea' },
  { query: 'a', document: 'b' },
];

/** Documents for one query, so that there is an order to compare. */
const documentsPerQuery = 6;
const queries = 3;

/**
 * The same texts for the same vocabulary, so that generations can be told apart by their logits on them.
 *
 * @param words of the student's vocabulary: the long documents are made of them, because a word that it does
 *   not know tells nothing about where a text was cut.
 * @param tokensMax some documents are longer than this, up to several times.
 */
export function goldenTexts(words: readonly string[], tokensMax: number): GoldenText[] {
  const known = words.filter((word) => /^[a-z]{3,}$/.test(word));
  const pool = known.length > 0 ? known : words;
  const random = randomFor(1, 'golden');
  const text = (count: number) =>
    Array.from({ length: count }, () => pool[random.below(pool.length)]!).join(' ');
  const short = Math.max(2, Math.floor(tokensMax / 4));
  const drawn = Array.from({ length: queries }, (_, i) => {
    const query = text(1 + 2 * i);
    return Array.from({ length: documentsPerQuery }, (_unused, j) => {
      const isLong = j >= documentsPerQuery - 2;
      return {
        query,
        document: text(isLong ? tokensMax * (1 + j - documentsPerQuery + 2) : 2 + random.below(short)),
      };
    });
  });
  // A query that leaves little room: what cuts the longer text first cuts it too.
  const crowded = { query: text(Math.ceil(tokensMax * 0.7)), document: text(tokensMax) };
  return [...fixed, ...drawn.flat(), crowded];
}

/** The words of a tokenizer.json's vocabulary, by id. */
export function vocabularyWords(tokenizerJson: string): string[] {
  const { model } = JSON.parse(tokenizerJson) as { model: { vocab: Record<string, number> } };
  return Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([word]) => word);
}
