// Which sequences a speed benchmark is run on: of one length, or as long as the texts of real judgments are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJudged } from '../../src/commands/text-files.ts';
import type { Document, EncodedPair } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { sharedFile } from '../../test/support/shared.ts';
import { fixedSequences, type PairedSequences, plain } from './work.ts';

/** `64`: exactly so many tokens. `titles`, `summaries`: real pairs, cut at 128 tokens. */
export type Lengths = '64' | '128' | 'titles' | 'summaries';

const realTokensMax = 128;
const seed = 1;

/** Text of the BERT tokenizer.json; null, with a line that says so, where the test data is absent. */
export function readTokenizer(): string | null {
  const file = sharedFile('data/tokenizers/bert-base-uncased/tokenizer.json');
  return file === null ? null : readFileSync(file, 'utf8');
}

/** `count` pairs; null, with a line that says so, where the test data is absent. */
export function pairsOf(lengths: Lengths, count: number, json: string): PairedSequences | null {
  const tokenizer = openTokenizer(json);
  if (lengths === 'titles' || lengths === 'summaries')
    return realPairs(lengths, count, (query, document) =>
      tokenizer.encodePair(query, document, realTokensMax, 'bert'),
    );
  const sequences = fixedSequences(2 * count, Number(lengths), tokenizer.vocabulary, seed);
  return { positives: sequences.slice(0, count), negatives: sequences.slice(count) };
}

/** The same for a decoder, with its own tokenizer. */
export function teacherPairs(
  lengths: '64' | 'titles',
  count: number,
  directory: string,
): PairedSequences | null {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const tokenizer = openTokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  if (lengths === 'titles')
    return realPairs(lengths, count, (query, document) => {
      const ids = tokenizer.encodeScore(query, document, realTokensMax);
      return { ids, segments: new Int32Array(ids.length) };
    });
  const sequences = fixedSequences(2 * count, Number(lengths), tokenizer.vocabulary, seed);
  return { positives: sequences.slice(0, count), negatives: sequences.slice(count) };
}

/** Two judged products of one query, drawn at random: the distribution of lengths that training sees. */
function realPairs(
  kind: 'titles' | 'summaries',
  count: number,
  encode: (query: string, document: Document) => EncodedPair,
): PairedSequences | null {
  const files = ['queries.jsonl', 'docs.jsonl.gz', 'qrels.tsv'].map((name) =>
    sharedFile(`data/esci/${name}`),
  );
  const [queries, documents, judgments] = files;
  if (!queries || !documents || !judgments) return null;
  const judged = readJudged({ queries, documents, judgments });
  const random = randomFor(seed, 'pairs', kind);
  const pairs = Array.from({ length: count }, () => {
    const { query, documents: choice } = judged[random.below(judged.length)]!;
    return random.sample(choice, 2).map(({ title, summary }) => {
      const document = { title, summary: kind === 'titles' ? '' : summary };
      return plain(encode(query, document));
    });
  });
  return { positives: pairs.map(([one]) => one!), negatives: pairs.map(([, other]) => other!) };
}
