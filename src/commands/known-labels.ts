// What scorers have labelled, read from their topic when the trainer is about to ask.
import type { Config } from '../config.ts';
import { isLetter } from '../streams/envelope.ts';
import { readLabel } from '../streams/label-topic.ts';
import { partitionKey } from '../streams/watermark.ts';
import type { KnownLabels } from '../trainer/labelled-teacher.ts';
import { readingConfig } from './roles.ts';
import { readToEnd } from './topic-contents.ts';

/**
 * The newest labels.kept_max. A process that starts again reads what the topic still has.
 *
 * @param warn is told why labels are not to be had just now; the teacher is asked instead.
 */
export function openKnownLabels(config: Config, topic: string, warn: (error: unknown) => void): KnownLabels {
  const scores = new Map<string, { readonly model: string; readonly score: number }>();
  const next = new Map<string, number>();
  const take = (key: string, model: string, score: number): void => {
    scores.delete(key);
    scores.set(key, { model, score });
    if (scores.size > config.labels.keptMax) scores.delete(scores.keys().next().value!);
  };

  async function read(): Promise<void> {
    const usual = readingConfig(config, topic);
    // The SCORE turn waits: a broker that goes away meanwhile is not waited for, the teacher is asked.
    const patience = { onAway: 'halt', awayMax: usual.kafka.requestTimeout } as const;
    const reading: Config = { ...usual, kafka: { ...usual.kafka, ...patience } };
    const ends = await readToEnd(
      reading,
      (at, { low }) => Math.max(low, next.get(at) ?? low),
      (item) => {
        const record = item.open();
        const label = isLetter(record) ? null : readLabel(record);
        if (label !== null) take(label.key, label.model, label.score);
        next.set(partitionKey(item), item.offset + 1);
      },
    );
    for (const [at, end] of ends) next.set(at, end);
  }

  return {
    catchUp: () => read().catch(warn),
    get: (key, model) => {
      const known = scores.get(key);
      return known?.model === model ? known.score : undefined;
    },
  };
}
