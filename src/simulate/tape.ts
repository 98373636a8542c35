// Broker and consumer in one: records get partition and offset by key and time, and come out in the order in
// which a consumer received them, stalls and all. And what has been written is counted.
import { assert } from '../errors.ts';
import { hash32 } from '../hash.ts';
import { randomFor } from '../random.ts';
import { type Agenda, agenda } from './agenda.ts';
import type { TopicRecord } from './faults.ts';
import type { SimulationOptions } from './options.ts';

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

export interface Tape {
  /** Not for a time that has been read already. */
  add(record: TopicRecord): void;
  /** Lines that the consumer had received before `timeMs`, and not been given yet. */
  before(timeMs: number): string[];
  counts(): TopicCounts;
}

/** How long a partition that stalls delivers nothing. */
const stallMs = 300_000;

export function openTape({ seed, topic, partitions, startMs, faults }: SimulationOptions): Tape {
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
