// The recorded topic: visits and faults in the order in which a consumer received them, as `kcat -J` prints.
//
// Invariants:
// 1. Within a partition offsets count from 0 without gaps and timestamps never fall.
// 2. All records of a session are in one partition.
// 3. The counts are of what was written; the kinds add up to the records.
// 4. Memory holds what is under way, never the topic: it may be larger than memory.
import { assert } from '../errors.ts';
import { hash32 } from '../hash.ts';
import { randomFor } from '../random.ts';
import { type Agenda, agenda } from './agenda.ts';
import { botRecords } from './bot.ts';
import { clickModels } from './click-model.ts';
import { demand, type ShopQuery } from './demand.ts';
import { recordsOf, type TopicRecord } from './faults.ts';
import type { SimulationOptions } from './options.ts';
import { type ProductionRanker, productionRanker } from './production.ts';
import { type Product, stockShop } from './shop.ts';
import { pageSize, type VisitPlan, visits } from './visits.ts';

/** The world behind a topic. */
export interface Shop {
  readonly products: readonly Product[];
  readonly queries: readonly ShopQuery[];
  readonly ranker: ProductionRanker;
}

export interface TopicCounts {
  /** Lines of the file. */
  records: number;
  /** Of people, each counted once. */
  impressions: number;
  /** Of people, each counted once, late ones included. */
  clicks: number;
  late: number;
  /** Second copies. */
  duplicates: number;
  malformed: number;
  orphans: number;
  /** Impressions and clicks of the bot. */
  bot: number;
  /** Records that stand behind one with a later timestamp: what the stalls of partitions left. */
  overtaken: number;
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
/** How long a partition that stalls delivers nothing. */
const stallMs = 300_000;
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

interface Tape {
  /** Not for a time that has been read already. */
  add(record: TopicRecord): void;
  /** Lines that the consumer had received before `timeMs`, and not been given yet. */
  before(timeMs: number): string[];
  counts(): TopicCounts;
}

/** Broker and consumer: gives records partition and offset by their time, and lets partitions lag. */
function openTape({ seed, topic, partitions, startMs, faults }: SimulationOptions): Tape {
  const written: Agenda<TopicRecord> = agenda();
  const received: Agenda<{ timestampMs: number; line: string }> = agenda();
  const counts = noCounts();
  const offsets = new Array<number>(partitions).fill(0);
  const arrival = stalls({ seed, startMs, share: faults.stallShare });
  let readMs = -Infinity;
  let newestMs = -Infinity;

  const append = (record: TopicRecord): void => {
    const { timestampMs, key, payload } = record;
    const partition = hash32(key) % partitions;
    const offset = offsets[partition]!++;
    const envelope = { topic, partition, offset, tstype: 'create', ts: timestampMs, broker: 1, key, payload };
    received.add(arrival(partition, timestampMs), { timestampMs, line: JSON.stringify(envelope) });
    count(counts, record);
  };
  const deliver = ({ timestampMs, line }: { timestampMs: number; line: string }): string => {
    if (timestampMs < newestMs) counts.overtaken++;
    newestMs = Math.max(newestMs, timestampMs);
    return line;
  };
  return {
    add(record) {
      assert(record.timestampMs >= readMs, 'a record came after its time');
      written.add(record.timestampMs, record);
    },
    before(timeMs) {
      for (const record of written.before(timeMs)) append(record);
      readMs = timeMs;
      return [...received.before(timeMs)].map(deliver);
    },
    counts: () => ({ ...counts }),
  };
}

/**
 * When the consumer receives what was written to a partition at a time: at once, or at the end of the
 * stall. Every partition has one stall in each window of `stallMs / share`, at a place of its own.
 */
function stalls(plan: {
  seed: number;
  startMs: number;
  share: number;
}): (p: number, timeMs: number) => number {
  const { seed, startMs, share } = plan;
  if (share === 0) return (_, timeMs) => timeMs;
  const windowMs = stallMs / share;
  return (partition, timeMs) => {
    const window = Math.floor((timeMs - startMs) / windowMs);
    const place = randomFor(seed, 'stall', partition, window).next();
    const beginMs = startMs + windowMs * window + place * (windowMs - stallMs);
    return timeMs >= beginMs && timeMs < beginMs + stallMs ? beginMs + stallMs : timeMs;
  };
}

const noCounts = (): TopicCounts => ({
  records: 0,
  impressions: 0,
  clicks: 0,
  late: 0,
  duplicates: 0,
  malformed: 0,
  orphans: 0,
  bot: 0,
  overtaken: 0,
});

function count(counts: TopicCounts, { carries, fault }: TopicRecord): void {
  counts.records++;
  switch (fault) {
    case 'duplicate':
      counts.duplicates++;
      return;
    case 'malformed':
      counts.malformed++;
      return;
    case 'orphan':
      counts.orphans++;
      return;
    case 'bot':
      counts.bot++;
      return;
    case 'late':
      counts.late++;
      counts.clicks++;
      return;
    case null:
      if (carries === 'impression') counts.impressions++;
      else counts.clicks++;
  }
}
