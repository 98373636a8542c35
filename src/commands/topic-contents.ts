// A topic read to where it ends now, beside the events: labels, judgments, states of builders.
import type { Config } from '../config.ts';
import type { Range } from '../streams/kafka-topic.kafka.ts';
import type { PlacedRecord } from '../streams/ports.ts';
import { openBroker, openTopic } from './broker.ts';

/**
 * @param config one that reads the topic (`readingConfig`).
 * @param from the offset to begin with, of a partition by `topic/partition` and of what it has.
 * @returns next offsets, per `topic/partition`; empty where there was nothing to read
 * @throws RestillError KAFKA_*
 */
export async function readToEnd(
  config: Config,
  from: (key: string, range: Range) => number,
  take: (item: PlacedRecord) => void,
): Promise<ReadonlyMap<string, number>> {
  const broker = await openBroker(config, () => {});
  try {
    const ranges = [...(await broker.desk.ranges())];
    const until = new Map(ranges.map(([key, { high }]) => [key, high]));
    const begin = new Map(ranges.map(([key, range]) => [key, from(key, range)]));
    if (ranges.every(([key, { high }]) => begin.get(key) === high)) return new Map();
    const status = { offsets: {}, fingerprints: {} };
    const bounds = { from: begin, until };
    const source = await openTopic({ config, broker, status, bounds, notice: () => {} });
    try {
      for (let items = await source.read(0); items !== null; items = await source.read(0))
        for (const item of items) take(item);
    } finally {
      await source.close();
    }
    return until;
  } finally {
    await broker.desk.close();
  }
}
