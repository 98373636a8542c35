// What every learnt ranker stands beside: random order and BM25 on titles.
import { indexBm25 } from '../../src/trainer/bm25.ts';
import type { JudgedScores } from './cells.ts';
import { byQuery, judgedTexts } from './context.ts';
import type { Esci } from './esci.ts';

/** Equal scores for all: quality.ts takes the mean over all orders. */
export const randomScores = (esci: Esci): JudgedScores =>
  byQuery(
    esci.queries,
    judgedTexts(esci.queries).map(() => 0),
  );

/** All judged documents are the collection. */
export function bm25Scores(esci: Esci): JudgedScores {
  const texts = judgedTexts(esci.queries);
  const bm25 = indexBm25(
    texts.map(({ document }) => document),
    { field: 'title' },
  );
  return byQuery(
    esci.queries,
    texts.map(({ query, document }) => bm25.score(query, document)),
  );
}
