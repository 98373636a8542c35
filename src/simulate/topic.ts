// The recorded topic: visits and faults in the order in which a consumer received them, as `kcat -J` prints.
//
// Invariants:
// 1. Within a partition offsets count from 0 without gaps and timestamps never fall.
// 2. All records of a session are in one partition.
// 3. The counts are of what was written; the kinds add up to the records.
// 4. Memory holds what is under way, never the topic: it may be larger than memory.
import { randomFor } from '../random.ts';
import { botRecords } from './bot.ts';
import { clickModels } from './click-model.ts';
import { demand, type ShopQuery } from './demand.ts';
import { recordsOf } from './faults.ts';
import type { SimulationOptions } from './options.ts';
import { type ProductionRanker, productionRanker } from './production.ts';
import { type Product, stockShop } from './shop.ts';
import { openTape, type TopicCounts } from './tape.ts';
import { pageSize, type VisitPlan, visits } from './visits.ts';

/** The world behind a topic. */
export interface Shop {
  readonly products: readonly Product[];
  readonly queries: readonly ShopQuery[];
  readonly ranker: ProductionRanker;
}

/** What nobody can read off the topic. */
export interface TopicTruth {
  readonly counts: TopicCounts;
  /** Mean probability of a look by position from 1, over the pages of people. */
  readonly examination: readonly number[];
}

/** Lines that are due, and how many impressions of people have been simulated so far. */
export interface TopicBatch {
  readonly lines: readonly string[];
  readonly impressions: number;
}

const dayMs = 86_400_000;
/** When the bot comes, as a share of the topic's time. */
const botAt = 0.4;

export function openShop(options: SimulationOptions): Shop {
  const products = stockShop(options);
  return {
    products,
    queries: demand(products, options),
    ranker: productionRanker(products, options),
  };
}

/** The whole topic in batches of lines without newlines; what it returns at the end is true of them. */
export function* recordTopic(options: SimulationOptions, shop: Shop): Generator<TopicBatch, TopicTruth> {
  const { seed, startMs, faults } = options;
  const spanMs = Math.round(options.days * dayMs);
  const plan: VisitPlan = { ...options, endMs: startMs + spanMs, model: clickModels[options.clickModel] };
  const botMs = startMs + Math.round(botAt * spanMs);
  const bot = botRecords({ seed, startMs: botMs, pages: faults.botPages }, shop.queries, shop.ranker);
  const tape = openTape(options);
  for (const record of bot) tape.add(record);
  const examination = new Array<number>(pageSize).fill(0);
  let impressions = 0;
  for (const visit of visits(plan, shop.queries, shop.ranker)) {
    const lines = tape.before(visit.pages[0]!.timeMs);
    const random = randomFor(seed, 'faults', visit.pages[0]!.impressionId);
    for (const record of recordsOf(visit, faults, random)) tape.add(record);
    for (const page of visit.pages) addTo(examination, page.examination);
    impressions += visit.pages.length;
    yield { lines, impressions };
  }
  yield { lines: tape.before(Infinity), impressions };
  return { counts: tape.counts(), examination: examination.map((sum) => rounded(sum / impressions)) };
}

const addTo = (sums: number[], values: readonly number[]): void =>
  values.forEach((value, i) => {
    sums[i]! += value;
  });

/** Six decimals: what adding up many probabilities leaves behind them means nothing. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
