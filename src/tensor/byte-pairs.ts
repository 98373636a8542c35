// Learns byte-level byte-pair merges from counted words: the most frequent neighbours become one token,
// again and again (Sennrich et al. 2016, arXiv 1508.07909; on bytes as in GPT-2).

/** A merge must have been seen this often. */
const countLeast = 2;

interface Word {
  /** The tokens it consists of by now. */
  tokens: string[];
  readonly count: number;
}

/**
 * At most `mergesMax` merges, in the order in which they apply. The order of `words` plays no part: among
 * equally frequent pairs the first by its left, then its right token is taken.
 *
 * @param words how often each word was seen; its characters are the bytes in GPT-2's printable alphabet,
 *   all of them in the basic plane, so that `<` compares code points.
 */
export function learnMerges(words: ReadonlyMap<string, number>, mergesMax: number): [string, string][] {
  const state = new Pairs([...words].map(([word, count]) => ({ tokens: [...word], count })));
  const merges: [string, string][] = [];
  while (merges.length < mergesMax) {
    const best = state.mostFrequent();
    if (best === null || best.count < countLeast) break;
    merges.push([best.left, best.right]);
    state.merge(best);
  }
  return merges;
}

interface Pair {
  readonly left: string;
  readonly right: string;
  count: number;
  /** Words that may hold it; some may have lost it since. */
  readonly words: Set<Word>;
}

/** Counts of neighbouring tokens over all words, kept up to date as words are merged. */
class Pairs {
  private readonly pairs = new Map<string, Pair>();

  constructor(words: readonly Word[]) {
    for (const word of words) this.count(word, word.count);
  }

  mostFrequent(): Pair | null {
    let best: Pair | null = null;
    for (const pair of this.pairs.values()) if (best === null || comesBefore(pair, best)) best = pair;
    return best;
  }

  /** Makes one token of the pair wherever it stands, from left to right. */
  merge({ left, right, words }: Pair): void {
    for (const word of words) {
      this.count(word, -word.count);
      word.tokens = joined(word.tokens, left, right);
      this.count(word, word.count);
    }
  }

  private count(word: Word, change: number): void {
    for (let i = 1; i < word.tokens.length; i++) {
      const left = word.tokens[i - 1]!;
      const right = word.tokens[i]!;
      const key = `${left} ${right}`; // the alphabet has no space
      const pair = this.pairs.get(key) ?? { left, right, count: 0, words: new Set<Word>() };
      pair.count += change;
      if (change > 0) pair.words.add(word);
      if (pair.count > 0) this.pairs.set(key, pair);
      else this.pairs.delete(key);
    }
  }
}

const comesBefore = (a: Pair, b: Pair): boolean =>
  a.count !== b.count ? a.count > b.count : a.left !== b.left ? a.left < b.left : a.right < b.right;

function joined(tokens: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const pair = tokens[i] === left && tokens[i + 1] === right;
    result.push(pair ? left + right : tokens[i]!);
    if (pair) i++;
  }
  return result;
}
