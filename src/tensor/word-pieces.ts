// Chooses the pieces of a WordPiece vocabulary from counted words.
//
// How, and why it is enough. A ranking model over a shop or a site sees the same few thousand words again
// and again, and most of ranking is to recognise them: so most rows go to whole words, by frequency. Single
// characters come first, so that no word over a known alphabet is unknown, and a typo is read letter by
// letter rather than lost. What room is left goes to the beginnings, middles and ends that save the most
// tokens in the words that got no row of their own. No likelihood is maximised: with a few thousand rows
// that buys little, and this is plain to check.

/** How the pieces inside a word are marked. */
export const continuation = '##';

/**
 * At most this share of the room goes to single characters; the rarest are left out (and read as unknown).
 */
const charactersShare = 0.5;
/** A whole word or a sub-word must have been seen this often, as long as there is something better. */
const countLeast = 2;
const subwordLengthMax = 8;

/**
 * At most `room` pieces, best first. The order of `words` plays no part: ties go by code point.
 *
 * @param words how often each word was seen, normalised and split as the tokenizer will do it.
 */
export function chooseWordPieces(words: ReadonlyMap<string, number>, room: number): string[] {
  const chosen = new Set(characters(words).slice(0, Math.floor(room * charactersShare)));
  const fill = (candidates: ReadonlyMap<string, number>, least: number): void => {
    for (const [piece, count] of ranked(candidates)) {
      if (chosen.size >= room || count < least) return;
      chosen.add(piece);
    }
  };
  fill(words, countLeast);
  fill(subwords(words, chosen), 1);
  fill(words, 1);
  return [...chosen];
}

/**
 * Every character, as the beginning of a word, and as a continuation if some word has it there; most seen
 * first.
 */
function characters(words: ReadonlyMap<string, number>): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    const letters = [...word];
    for (const letter of letters) {
      add(counts, letter, count);
      if (letters.length > 1) add(counts, continuation + letter, count);
    }
  }
  return ranked(counts).map(([piece]) => piece);
}

/** Parts of the words without a row of their own, by the tokens that they save: count x (length - 1). */
function subwords(words: ReadonlyMap<string, number>, chosen: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    if (chosen.has(word)) continue;
    const letters = [...word];
    for (let from = 0; from < letters.length; from++)
      for (let length = 2; length <= subwordLengthMax && from + length <= letters.length; length++) {
        if (length === letters.length) continue; // the whole word: has had its chance
        add(counts, (from === 0 ? '' : continuation) + letters.slice(from, from + length).join(''), count);
      }
  }
  const often = [...counts].filter(([, count]) => count >= countLeast);
  return new Map(often.map(([piece, count]) => [piece, count * ([...bare(piece)].length - 1)]));
}

const bare = (piece: string): string =>
  piece.startsWith(continuation) ? piece.slice(continuation.length) : piece;

const add = (counts: Map<string, number>, key: string, count: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + count);
};

const ranked = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([a, m], [b, n]) => n - m || compareCodePoints(a, b));

/** By code point, where `<` compares UTF-16 units and puts emoji before some letters. */
const compareCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
