// Judgments from a topic (topics.judgments), read whole: what there is when somebody asks.
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { isLetter } from '../streams/envelope.ts';
import type { JudgedQuery } from '../trainer/judged.ts';
import { JudgedRecords } from '../trainer/judged-records.ts';
import { readingConfig } from './roles.ts';
import { readToEnd } from './topic-contents.ts';

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
  const records = new JudgedRecords(judgmentsMax);
  await readToEnd(
    reading,
    (_, { low }) => low,
    (item) => {
      const record = item.open();
      records.take(isLetter(record) ? record.record : record);
    },
  );
  return { queries: records.queries(), unusable: records.unusable };
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
