// Cells -> figures: nDCG and PNR of each arm on unseen and on seen queries, and the differences to two
// others.
//
// Invariants:
// 1. A query counts once as unseen and once as seen: by the mean over the folds that ask it as such.
// 2. A difference is taken on the queries that both arms have, by the same folds.
import { assert } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';
import { pairedBootstrap } from '../../src/trainer/bootstrap.ts';
import type { JudgedQuery } from '../../src/trainer/judged.ts';
import { isMeasurable, ndcg, type PairOrder, pairOrder } from '../../src/trainer/quality.ts';
import type { JudgedScores } from './cells.ts';
import type { Split } from './folds.ts';

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface ArmFigures {
  readonly queries: number;
  readonly ndcg10: number;
  readonly ndcg5: number;
  /** Concordant over discordant pairs of all queries together. */
  readonly pnr: number;
  /** By the arm compared with; 95 %, paired by query. */
  readonly against: Readonly<Record<string, { readonly ndcg10: Interval; readonly pnr: Interval }>>;
}

/** One query under one arm. */
interface Measured extends PairOrder {
  readonly ndcg10: number;
  readonly ndcg5: number;
}

/** Scores of an arm by fold; folds that it lacks are absent. */
export type ByFold = ReadonlyMap<number, JudgedScores>;

/** @param others to compare with, by name. */
export function figuresOf(
  queries: readonly JudgedQuery[],
  splits: readonly Split[],
  on: 'unseen' | 'seen',
  arm: ByFold,
  others: Readonly<Record<string, ByFold>>,
): ArmFigures | null {
  const present = splits.filter(({ fold }) => arm.has(fold));
  const own = measure(queries, present, on, arm);
  if (own.size === 0) return null;
  const against = Object.entries(others).flatMap(([name, other]) => {
    if (other === arm || present.some(({ fold }) => !other.has(fold))) return [];
    return [[name, compare(own, measure(queries, present, on, other), name)] as const];
  });
  const all = [...own.values()];
  return {
    queries: all.length,
    ndcg10: mean(all.map((m) => m.ndcg10)),
    ndcg5: mean(all.map((m) => m.ndcg5)),
    pnr: pnr(all),
    against: Object.fromEntries(against),
  };
}

function measure(
  queries: readonly JudgedQuery[],
  splits: readonly Split[],
  on: 'unseen' | 'seen',
  arm: ByFold,
): Map<string, Measured> {
  const measured = new Map<string, Measured>();
  for (const { queryId, grades } of queries) {
    if (!isMeasurable({ grades, scores: [] })) continue;
    const folds = splits.filter((split) => split[on].has(queryId));
    const each = folds.map(({ fold }) => {
      const ranking = { grades, scores: arm.get(fold)![queryId]! };
      return { ...pairOrder(ranking), ndcg10: ndcg(ranking, 10), ndcg5: ndcg(ranking, 5) };
    });
    if (each.length > 0) measured.set(queryId, meanOf(each));
  }
  return measured;
}

const meanOf = (each: readonly Measured[]): Measured => ({
  ndcg10: mean(each.map((m) => m.ndcg10)),
  ndcg5: mean(each.map((m) => m.ndcg5)),
  concordant: mean(each.map((m) => m.concordant)),
  discordant: mean(each.map((m) => m.discordant)),
});

function compare(a: ReadonlyMap<string, Measured>, b: ReadonlyMap<string, Measured>, name: string) {
  const ids = [...a.keys()];
  assert(
    ids.every((id) => b.has(id)),
    'two arms of the same folds have other queries',
  );
  const [own, other] = [ids.map((id) => a.get(id)!), ids.map((id) => b.get(id)!)];
  const ndcg10 = pairedBootstrap(
    own.map((m) => m.ndcg10),
    other.map((m) => m.ndcg10),
    randomFor(bootstrapSeed, 'ndcg10', name),
  );
  return { ndcg10, pnr: bootstrapPnr(own, other, name) };
}

const bootstrapSeed = 1;
const resamples = 2000;

/** PNR is a ratio of sums, so queries are drawn and both ratios are taken anew. */
function bootstrapPnr(a: readonly Measured[], b: readonly Measured[], name: string): Interval {
  const random = randomFor(bootstrapSeed, 'pnr', name);
  const differences = Array.from({ length: resamples }, () => {
    const drawn = a.map(() => random.below(a.length));
    return pnr(drawn.map((i) => a[i]!)) - pnr(drawn.map((i) => b[i]!));
  }).sort((x, y) => x - y);
  const at = (share: number): number => differences[Math.round(share * (resamples - 1))]!;
  return { mean: pnr(a) - pnr(b), low: at(0.025), high: at(0.975) };
}

const pnr = (orders: readonly PairOrder[]): number =>
  sum(orders.map((o) => o.concordant)) / Math.max(0.5, sum(orders.map((o) => o.discordant)));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
