// One bot: a session that opens a page every two seconds and clicks all of it, as price scrapers do.
import { randomFor } from '../random.ts';
import type { ShopQuery } from './demand.ts';
import { eventsOf, type TopicRecord } from './faults.ts';
import type { ProductionRanker } from './production.ts';
import { type Page, pageSize, popularity, sessionIdFor } from './visits.ts';

const pageEveryMs = 2_000;
const clickEveryMs = 100;

export interface BotPlan {
  readonly seed: number;
  readonly startMs: number;
  readonly pages: number;
}

/** Its records, in order of time. */
export function botRecords(
  { seed, startMs, pages }: BotPlan,
  queries: readonly ShopQuery[],
  ranker: ProductionRanker,
): TopicRecord[] {
  const random = randomFor(seed, 'bot');
  const visitor = { sessionId: sessionIdFor(random), userId: 'u-bot' };
  const draw = popularity(queries, 0);
  return Array.from({ length: pages }, (_, number) => {
    const query = draw(random);
    const timeMs = startMs + number * pageEveryMs;
    const products = ranker
      .rank(query, random)
      .slice(0, pageSize)
      .map((i) => query.candidates[i]!);
    const clicks = products.map((_, i) => ({
      timeMs: timeMs + clickEveryMs * (i + 1),
      position: i + 1,
      dwellMs: 90,
    }));
    const page: Page = { impressionId: `b${number}`, timeMs, query, products, clicks, examination: [] };
    return eventsOf(visitor, page).map((record): TopicRecord => ({ ...record, fault: 'bot' }));
  }).flat();
}
