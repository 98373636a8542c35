// The EVALUATE turn, and the tables of the final report: every ranker on queries that never trained anything,
// beside the floors.
import type { CurvePoint, Gain, Quality, QualityTable } from '../protocol.ts';
import { randomFor } from '../random.ts';
import { agreement } from './agreement.ts';
import { extendAnchor } from './anchor.ts';
import { indexBm25 } from './bm25.ts';
import { pairedBootstrap } from './bootstrap.ts';
import { clickSet, type EvaluationSet, holdoutGroups } from './evaluation.ts';
import type { ModelState } from './models.ts';
import { type JudgedRanking, ndcg, type RankingQuality, randomFloor, rankQuality } from './quality.ts';
import { type Scorer, studentScores, teacherScores } from './score.ts';
import { addPoint, stepsTaken } from './state.ts';
import type { Block, Workshop } from './turn.ts';

/** The curve begins with the student as it was before it learnt anything. */
export function firstPoint(shop: Workshop): CurvePoint {
  return { cursor: 0, steps: 0, figures: shop.judged ? figuresOf(shop, shop.judged) : {} };
}

/**
 * Prequential evaluation (Dawid 1984): the student is tested on the new groups, then trained on them. By
 * clicks, so also where no judgments are given. The teacher has learnt them already and is left out. Asked
 * again before DISTILL it finds the same.
 */
export function prequentialTest(shop: Workshop, block: Block): void {
  const fresh = shop.journal.read(block.from, block.to).filter((group) => !group.holdout);
  const set = clickSet(fresh.slice(-shop.config.evaluation.groupsMax));
  if (set.queries.length === 0) return;
  Object.assign(shop.state.figures, named('prequential', set, floorsAndStudent(shop, set)));
}

/**
 * Adds a point to the curve. The groups of the cycle at hand have just been learnt; holdout ones never are.
 */
export function evaluateTurn(shop: Workshop, block: Block): void {
  const { state } = shop;
  const figures: Record<string, number> = { ...state.figures };
  for (const set of evaluationSets(shop, block.to)) Object.assign(figures, figuresOf(shop, set));
  const { gate, evaluation, seed } = shop.config;
  const held = holdoutGroups(shop.journal, block.to, evaluation.groupsMax);
  state.anchor = extendAnchor(state.anchor, held, { max: gate.anchorQueries, seed });
  addPoint(state, { cursor: block.to, steps: stepsTaken(state), figures });
  state.figures = {};
}

/** All rankers on all sets. `before` scores with the student as it was at the start. */
export function qualityTables(
  shop: Workshop,
  cursor: number,
  before: (set: EvaluationSet) => Float32Array,
): QualityTable[] {
  return evaluationSets(shop, cursor).map((set) => {
    const scoresBefore = before(set);
    const rankers = { ...measure(shop, set).rankers, studentBefore: plain(quality(set, scoresBefore)) };
    return { on: set.on, rankers, gains: set.on === 'judgments' ? gains(shop, set, scoresBefore) : {} };
  });
}

/**
 * The student against two others, paired by query. Clicks of one page are not independent, so judgments only.
 */
function gains(shop: Workshop, set: EvaluationSet, before: Float32Array): QualityTable['gains'] {
  const perQuery = (scores: Float32Array): number[] =>
    rankings(set, scores).map((ranking) => ndcg(ranking, 10));
  const student = perQuery(scoreSet(shop, set));
  const over = (scores: Float32Array, name: string): Gain =>
    pairedBootstrap(student, perQuery(scores), randomFor(shop.config.seed, 'bootstrap', name));
  return { bm25: over(bm25Scores(set), 'bm25'), studentBefore: over(before, 'studentBefore') };
}

/** Student scores of a whole set, query by query in one row. */
export const scoreSet = (shop: Scorer, set: Pick<EvaluationSet, 'queries'>): Float32Array =>
  studentScores(shop, textsOf(set));

/** What a manifest says of its student at a glance: on judgments where there are any, else on clicks. */
export function gateFigures(figures: Readonly<Record<string, number>>): Record<string, number> {
  const on = 'judgments.student.ndcg10' in figures ? 'judgments' : 'clicks';
  const pick = (name: string): number | undefined => figures[`${on}.${name}`];
  const ndcg10 = pick('student.ndcg10');
  if (ndcg10 === undefined) return { 'holdout.queries': 0 };
  return {
    'holdout.queries': pick('queries')!,
    'holdout.ndcg10': ndcg10,
    'holdout.pnr': pick('student.pnr')!,
    'holdout.mrr': pick('student.mrr')!,
  };
}

/** What `work` makes of another student; the present one, moments and all, comes back afterwards. */
export function withStudent<T>({ student }: Scorer, other: ModelState, work: () => T): T {
  const now = student.state();
  student.restore({ weights: other.weights, moments: new Map() });
  try {
    return work();
  } finally {
    student.restore(now);
  }
}

/** What there is to measure on at a cursor; the set that counts most first. */
export function evaluationSets(shop: Workshop, cursor: number): EvaluationSet[] {
  const clicks = clickSet(holdoutGroups(shop.journal, cursor, shop.config.evaluation.groupsMax));
  return [...(shop.judged ? [shop.judged] : []), clicks].filter((set) => set.queries.length > 0);
}

function figuresOf(shop: Workshop, set: EvaluationSet): Record<string, number> {
  const { rankers, agreement: tau } = measure(shop, set);
  return { ...named(set.on, set, rankers), ...(tau === null ? {} : { [`${set.on}.agreement`]: tau }) };
}

/** `clicks.queries`, `clicks.student.ndcg10`, ... */
function named(
  on: string,
  set: EvaluationSet,
  rankers: Readonly<Record<string, Quality>>,
): Record<string, number> {
  const figures: Record<string, number> = { [`${on}.queries`]: set.queries.length };
  for (const [ranker, { ndcg5, ndcg10, pnr, mrr }] of Object.entries(rankers)) {
    for (const [name, value] of Object.entries({ ndcg5, ndcg10, pnr, mrr })) {
      figures[`${on}.${ranker}.${name}`] = value;
    }
  }
  return figures;
}

interface Measured {
  readonly rankers: Readonly<Record<string, Quality>>;
  /** Of student and teacher; null where there is no teacher to ask. */
  readonly agreement: number | null;
}

function measure(shop: Workshop, set: EvaluationSet): Measured {
  const student = scoreSet(shop, set);
  const rankers = { ...floors(set), ...studentOf(set, student) };
  if (shop.config.teacher.kind === 'remote') return { rankers, agreement: null };
  const teacher = teacherScores(shop, textsOf(set));
  const scoresOf = (scores: Float32Array) => rankings(set, scores).map((ranking) => ranking.scores);
  return {
    rankers: { ...rankers, teacher: plain(quality(set, teacher)) },
    agreement: agreement(scoresOf(student), scoresOf(teacher)),
  };
}

/** BM25 on title and summary; the documents of the set are its collection. */
function bm25Scores(set: EvaluationSet): Float32Array {
  const texts = textsOf(set);
  const bm25 = indexBm25(
    texts.map(({ document }) => document),
    { field: 'title+summary' },
  );
  return Float32Array.from(texts, ({ query, document }) => bm25.score(query, document));
}

export const floorsAndStudent = (shop: Scorer, set: EvaluationSet): Record<string, Quality> => ({
  ...floors(set),
  ...studentOf(set, scoreSet(shop, set)),
});

/** Scores that are no numbers order nothing: then it has no quality, and the gate rejects it. */
const studentOf = (set: EvaluationSet, scores: Float32Array): { readonly student?: Quality } =>
  scores.every(Number.isFinite) ? { student: plain(quality(set, scores)) } : {};

function floors(set: EvaluationSet): Record<string, Quality> {
  const texts = textsOf(set);
  const shown = set.queries.flatMap((q) => q.shown ?? []);
  return {
    random: plain(randomFloor(rankings(set, new Float32Array(texts.length)))),
    bm25: plain(quality(set, bm25Scores(set))),
    ...(shown.length === texts.length ? { shown: plain(quality(set, Float32Array.from(shown))) } : {}),
  };
}

const textsOf = (set: Pick<EvaluationSet, 'queries'>) =>
  set.queries.flatMap(({ query, documents }) => documents.map((document) => ({ query, document })));

const quality = (set: EvaluationSet, scores: Float32Array): RankingQuality =>
  rankQuality(rankings(set, scores));

function rankings(set: EvaluationSet, scores: Float32Array): JudgedRanking[] {
  let at = 0;
  return set.queries.map(({ grades, weight }) => {
    const own = [...scores.subarray(at, at + grades.length)];
    at += grades.length;
    return { grades, weight, scores: own };
  });
}

const plain = ({ queries, ndcg5, ndcg10, pnr, mrr }: Quality): Quality => ({
  queries,
  ndcg5,
  ndcg10,
  pnr,
  mrr,
});
