// What the sides of bench:serve are asked: a query and 50 documents, as texts.
import { readFileSync } from 'node:fs';
import { readJudged } from '../../src/commands/text-files.ts';
import { randomFor } from '../../src/random.ts';
import { documentText } from '../../src/tensor/texts.ts';
import { sharedFile } from '../../test/support/shared.ts';

/** `64`, `128`: all pairs are cut to so many tokens. `titles`, `summaries`: of ESCI's products. */
export type Lengths = '64' | '128' | 'titles' | 'summaries';

export interface RankRequest {
  readonly query: string;
  readonly documents: readonly string[];
}

const documentsPerRequest = 50;
const seed = 1;

/** Longest sequence that the student of a workload reads. */
export const tokensMaxOf = (lengths: Lengths): number => (lengths === '64' ? 64 : 128);

export function readTokenizer(): string {
  return readFileSync(needed('data/tokenizers/bert-base-uncased/tokenizer.json'), 'utf8');
}

/** The judged products of a query first, as many as it has, then those of others. */
export function requestsOf(lengths: Lengths, count: number): RankRequest[] {
  const [queries, documents, judgments] = ['queries.jsonl', 'docs.jsonl.gz', 'qrels.tsv'].map((name) =>
    needed(`data/esci/${name}`),
  ) as [string, string, string];
  const judged = readJudged({ queries, documents, judgments });
  const all = judged.flatMap((one) => one.documents);
  const random = randomFor(seed, 'serve', lengths);
  return random.sample(judged, count).map(({ query, documents: own }) => {
    const others = random.sample(all, documentsPerRequest);
    const chosen = [...own, ...others].slice(0, documentsPerRequest);
    const texts = chosen.map(({ title, summary }) => {
      if (lengths === 'titles') return title;
      const text = documentText({ title, summary });
      // Long enough to be cut, whatever it says.
      return lengths === 'summaries' ? text : `${text} `.repeat(1 + Math.ceil(1000 / (text.length + 1)));
    });
    return { query, documents: texts };
  });
}

function needed(path: string): string {
  const file = sharedFile(path);
  if (file === null) throw new Error(`bench:serve needs ${path} of the test data (RESTILL_SHARED)`);
  return file;
}
