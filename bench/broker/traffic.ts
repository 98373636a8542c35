// People in the synthetic shop, live: what `restill simulate` would write, sent when it happens.
import { setTimeout as pause } from 'node:timers/promises';
import type { SourceRecord } from '../../src/contract.ts';
import { defaults, type SimulationOptions } from '../../src/simulate/options.ts';
import { openShop, recordTopic } from '../../src/simulate/topic.ts';
import { isLetter, parseEnvelope } from '../../src/streams/envelope.ts';
import { producerByPartition } from '../../test/support/broker/topic.ts';

interface Traffic {
  readonly bootstrap: string;
  readonly topic: string;
  /** On average. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly startMs: number;
}

/** Told of every record when the broker has it. */
type OnSent = (record: SourceRecord) => void;

const tickMs = 100;
/** Records in one request: well below what a broker takes. */
const sendMax = 200;
const clean = {
  lateShare: 0,
  duplicateShare: 0,
  malformedRate: 0,
  orphanRate: 0,
  botPages: 0,
  stallShare: 0,
};
const secondsPerDay = 86_400;

/** Sends until `seconds` are over. A record's timestamp is when it happens, which is when it is sent. */
export async function sendTraffic(traffic: Traffic, onSent: OnSent): Promise<number> {
  const { bootstrap, topic, startMs, seconds } = traffic;
  const producer = producerByPartition(bootstrap);
  await producer.connect();
  const endMs = startMs + 1000 * seconds;
  let sent = 0;
  let due: SourceRecord[] = [];
  const send = async (): Promise<void> => {
    const records = due;
    due = [];
    if (records.length === 0) return;
    await producer.send({ topic, acks: -1, messages: records.map(messageOf) });
    sent += records.length;
    for (const record of records) onSent(record);
  };
  for (const record of records(traffic)) {
    if (record.timestampMs >= endMs) break;
    while (record.timestampMs > Date.now()) {
      await send();
      await pause(tickMs);
    }
    due.push(record);
    if (due.length === sendMax) await send();
  }
  await send();
  await producer.disconnect();
  return sent;
}

/** Without pages from before the start, and the clicks on them: the first minutes have fewer events. */
function* records(traffic: Traffic): Generator<SourceRecord> {
  const options = optionsOf(traffic);
  const shop = openShop(options);
  const earlier = new Set<string>();
  for (const { lines } of recordTopic(options, shop)) {
    for (const line of lines) {
      const record = recordOf(line);
      const { impression_id: page } = JSON.parse(record.value as string) as { impression_id: string };
      if (record.timestampMs < traffic.startMs) earlier.add(page);
      else if (!earlier.has(page)) yield record;
    }
  }
}

function recordOf(line: string): SourceRecord {
  const record = parseEnvelope(Buffer.from(line), { file: 'simulated', line: 0 });
  if (isLetter(record)) throw new Error(`the simulator wrote a line that is none: ${record.detail}`);
  return record;
}

/** Visits last minutes: the shop opens earlier, so that it is full when the first record is sent. */
const leadSeconds = 600;

function optionsOf({ topic, eventsPerSecond, seconds, startMs }: Traffic): SimulationOptions {
  const span = leadSeconds + seconds;
  const opensMs = startMs - 1000 * leadSeconds;
  const pages = 2_000;
  const trial = { ...defaults, topic, startMs: opensMs, impressions: pages, faults: clean };
  let events = 0;
  for (const { lines } of recordTopic(trial, openShop(trial))) events += lines.length;
  const impressions = Math.round((span * eventsPerSecond * pages) / events);
  return { ...trial, days: span / secondsPerDay, impressions };
}

const messageOf = ({ partition, key, value, timestampMs }: SourceRecord) => ({
  partition,
  key: key as string | null,
  value: value as string | null,
  timestamp: String(timestampMs),
});
