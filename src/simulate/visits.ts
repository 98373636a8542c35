// Sessions of people on the shop's result pages: which queries, which pages, which clicks, when, and for
// how long they stayed. Session by session in order of time, each a function of seed and number.
import { assert } from '../errors.ts';
import { type Random, randomFor } from '../random.ts';
import { type ClickModel, drawClicks, examination } from './click-model.ts';
import type { ShopQuery } from './demand.ts';
import type { ProductionRanker } from './production.ts';
import type { Product } from './shop.ts';

export interface PageClick {
  readonly timeMs: number;
  /** From 1. */
  readonly position: number;
  readonly dwellMs: number;
}

/** A result page shown to a person. */
export interface Page {
  readonly impressionId: string;
  readonly timeMs: number;
  readonly query: ShopQuery;
  /** In the order shown. */
  readonly products: readonly Product[];
  readonly clicks: readonly PageClick[];
  /** Probability of a look by position: the truth behind the clicks. */
  readonly examination: readonly number[];
}

export interface Visitor {
  readonly sessionId: string;
  readonly userId: string;
}

export interface Visit extends Visitor {
  readonly pages: readonly Page[];
}

export interface VisitPlan {
  readonly seed: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly impressions: number;
  readonly users: number;
  readonly zipf: number;
  readonly model: ClickModel;
}

export const pageSize = 10;

const pagesPerSession = [1, 1, 1, 2, 2, 3] as const;

/** Median dwell by grade, milliseconds; log-normal around it. */
const dwellMedianMs = [4_000, 8_000, 25_000, 60_000] as const;
const dwellSpread = 0.7;

/**
 * All visits in order of their first page. The last one is cut short so that `impressions` is met exactly.
 */
export function* visits(
  plan: VisitPlan,
  queries: readonly ShopQuery[],
  ranker: ProductionRanker,
): Generator<Visit> {
  const draw = popularity(queries, plan.zipf);
  const spacingMs = (plan.endMs - plan.startMs) / plan.impressions;
  let shown = 0;
  for (let number = 0; shown < plan.impressions; number++) {
    const random = randomFor(plan.seed, 'visit', number);
    const count = Math.min(pagesPerSession[random.below(pagesPerSession.length)]!, plan.impressions - shown);
    // Within its own slot of time: so the order of sessions is the order of their starts, whatever is drawn.
    let timeMs = Math.floor(plan.startMs + spacingMs * (shown + random.next() * count));
    const pages: Page[] = [];
    for (let i = 0; i < count; i++) {
      const page = showPage({ plan, timeMs, query: draw(random), ranker, number: shown + i }, random);
      pages.push(page);
      timeMs = lastMoment(page) + 3_000 + random.below(60_000);
    }
    yield {
      sessionId: sessionIdFor(random),
      userId: `u${String(random.below(plan.users)).padStart(5, '0')}`,
      pages,
    };
    shown += count;
  }
}

/** 12 hexadecimal digits, as real session keys look. */
export const sessionIdFor = (random: Random): string =>
  `s${[0, 0]
    .map(() =>
      random
        .below(2 ** 24)
        .toString(16)
        .padStart(6, '0'),
    )
    .join('')}`;

/** Draws a query; the r-th of the list in proportion to 1 / r^zipf. */
export function popularity(queries: readonly ShopQuery[], zipf: number): (random: Random) => ShopQuery {
  assert(queries.length > 0, 'a shop without queries');
  let sum = 0;
  const cumulative = queries.map((_, i) => (sum += 1 / (i + 1) ** zipf));
  return (random) => {
    const target = random.next() * sum;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return queries[low]!;
  };
}

interface Showing {
  readonly plan: VisitPlan;
  readonly timeMs: number;
  readonly query: ShopQuery;
  readonly ranker: ProductionRanker;
  readonly number: number;
}

function showPage({ plan, timeMs, query, ranker, number }: Showing, random: Random): Page {
  const order = ranker.rank(query, random).slice(0, pageSize);
  const grades = order.map((i) => query.grades[i]!);
  const clicked = drawClicks(plan.model, grades, random);
  let clock = timeMs;
  const clicks = grades.flatMap((grade, i) => {
    clock += 700 + random.below(1_500);
    if (!clicked[i]) return [];
    const dwellMs = Math.round(dwellMedianMs[grade]! * Math.exp(dwellSpread * random.normal()));
    const click = { timeMs: clock, position: i + 1, dwellMs };
    clock += dwellMs;
    return [click];
  });
  return {
    impressionId: `i${String(number).padStart(8, '0')}`,
    timeMs,
    query,
    products: order.map((i) => query.candidates[i]!),
    clicks,
    examination: examination(plan.model, grades),
  };
}

const lastMoment = ({ timeMs, clicks }: Page): number => {
  const last = clicks.at(-1);
  return last ? last.timeMs + last.dwellMs : timeMs;
};
