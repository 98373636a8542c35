// What 8 bits cost a student: how far logits move, and what that does to rankings. Measured on the held-out
// judged queries that the configuration names; without any, on the golden texts against the order in float32.
import type { GoldenVector } from '../checkpoint/golden.ts';
import type { ServedStudent } from '../checkpoint/student.tf.ts';
import type { Config } from '../config.ts';
import type { EncodedPair } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { Tokenizer } from '../tensor/tokenizer.ts';
import { type EvaluationQuery, judgedSet } from '../trainer/evaluation.ts';
import { rankQuality } from '../trainer/quality.ts';
import { configuredJudgments, isHeldOut } from './text-files.ts';

interface Measured {
  readonly exact: ServedStudent;
  readonly rough: ServedStudent;
  readonly golden: readonly GoldenVector[];
  readonly tokenizer: Tokenizer;
  readonly config: Config;
}

/** The drop is nDCG@10 in float32 minus that in 8 bits. */
export type Int8Cost = Readonly<
  Record<'logitMeanGap' | 'logitMaxGap' | 'queries' | 'judged' | 'ndcg10Drop', number>
>;

export function measureInt8(o: Measured): Record<string, number> {
  const gaps = o.golden.map(({ ids, segments, logit }) => {
    const pair = { ids: Int32Array.from(ids), segments: Int32Array.from(segments) };
    return Math.abs(o.exact.score([pair])[0]! - logit);
  });
  const judged = judgedQueries(o.config);
  const queries = judged.length > 0 ? judged : goldenQueries(o);
  const { tokensMax, segments } = o.config.student;
  const ndcg10 = (student: ServedStudent): number =>
    rankQuality(
      queries.map(({ query, documents, grades, weight }) => {
        const pairs = documents.map((d) => o.tokenizer.encodePair(query, d, tokensMax, segments));
        return { grades, weight, scores: inBatches(student, pairs) };
      }),
    ).ndcg10;
  const cost: Int8Cost = {
    logitMeanGap: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
    logitMaxGap: Math.max(...gaps),
    queries: queries.length,
    judged: judged.length > 0 ? 1 : 0,
    ndcg10Drop: ndcg10(o.exact) - ndcg10(o.rough),
  };
  return { ...cost };
}

/** @throws RestillError `QUALITY_LOST` */
export function refuseCost(cost: Readonly<Record<string, number>>, dropMax: number): void {
  const { ndcg10Drop, logitMaxGap } = cost as Int8Cost;
  if (ndcg10Drop <= dropMax) return;
  throw new RestillError(
    'QUALITY_LOST',
    `8 bits cost ${ndcg10Drop.toFixed(4)} nDCG@10 on ${cost.queries} queries, at most ${dropMax} is ` +
      `allowed (logits move by up to ${logitMaxGap.toFixed(4)}); export without --int8, or give a larger ` +
      '--int8-drop-max',
  );
}

/** As a server scores: some documents of one query at a time. */
const batchMax = 32;

function inBatches(student: ServedStudent, pairs: readonly EncodedPair[]): number[] {
  const scores: number[] = [];
  for (let from = 0; from < pairs.length; from += batchMax)
    scores.push(...student.score(pairs.slice(from, from + batchMax)));
  return scores;
}

/** Held-out ones only; none where the configuration names no judgments. */
const judgedQueries = (config: Config): readonly EvaluationQuery[] =>
  judgedSet(configuredJudgments(config) ?? [], (query) => isHeldOut(query, config)).queries;

/** The documents of each golden query, graded 0 to 3 by their order in float32. */
function goldenQueries({ golden, exact, tokenizer, config }: Measured): EvaluationQuery[] {
  const { tokensMax, segments } = config.student;
  const names = [...new Set(golden.map(({ query }) => query))];
  const groups = names.map((query) => golden.filter((vector) => vector.query === query));
  return groups
    .filter((group) => group.length > 1)
    .map((group) => {
      const documents = group.map(({ document }) => ({ title: document, summary: '' }));
      const { query } = group[0]!;
      const scores = exact.score(documents.map((d) => tokenizer.encodePair(query, d, tokensMax, segments)));
      const rank = (score: number) => scores.filter((other) => other < score).length;
      const grades = [...scores].map((score) => Math.round((3 * rank(score)) / (scores.length - 1)));
      return { query, documents, grades, shown: null, weight: 1 };
    });
}
