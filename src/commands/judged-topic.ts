// Judgments from a topic (topics.judgments), read whole: what there is when somebody asks.
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { isLetter } from '../streams/envelope.ts';
import type { JudgedQuery } from '../trainer/judged.ts';
import { JudgedRecords } from '../trainer/judged-records.ts';
import { openBroker, openTopic } from './broker.ts';
import { readingConfig } from './roles.ts';

export interface JudgedTopic {
  readonly queries: readonly JudgedQuery[];
  /** Records that were no judgments. */
  readonly unusable: number;
}

/** Null when the configuration names no such topic. @throws RestillError KAFKA_* */
export async function readJudgedTopic(config: Config): Promise<JudgedTopic | null> {
  const { judgments: topic, judgmentsMax } = config.topics;
  if (topic === null) return null;
  const usual = readingConfig(config, topic);
  const reading: Config = { ...usual, kafka: { ...usual.kafka, onAway: 'halt' } };
  const broker = await openBroker(reading, () => {});
  try {
    const records = new JudgedRecords(judgmentsMax);
    const ranges = await broker.desk.ranges();
    const until = new Map([...ranges].map(([at, { high }]) => [at, high]));
    if ([...ranges.values()].every(({ low, high }) => low === high)) return { queries: [], unusable: 0 };
    const status = { offsets: {}, fingerprints: {} };
    const bounds = { from: null, until };
    const source = await openTopic({ config: reading, broker, status, bounds, notice: () => {} });
    try {
      for (let items = await source.read(0); items !== null; items = await source.read(0))
        for (const item of items) {
          if (isLetter(item)) continue; // A live source has none.
          const record = item.open();
          records.take(isLetter(record) ? record.record : record);
        }
    } finally {
      await source.close();
    }
    return { queries: records.queries(), unusable: records.unusable };
  } finally {
    await broker.desk.close();
  }
}

const againMs = 1_000;

/**
 * The same, asked again for as long as no broker answers: a trainer without its judgments would measure, and
 * its gate judge, by something else.
 *
 * @param isOver asked before each further try; null then.
 */
export async function awaitJudgedTopic(config: Config, isOver: () => boolean): Promise<JudgedTopic | null> {
  while (!isOver()) {
    try {
      return await readJudgedTopic(config);
    } catch (error) {
      if (!(error instanceof RestillError && error.disposition === 'retry')) throw error;
    }
    await new Promise<void>((resolve) => systemClock.after(againMs, resolve));
  }
  return null;
}
