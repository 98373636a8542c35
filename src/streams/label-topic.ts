// Labels as messages: what a scorer got from the teacher. Format 1, JSON:
//   key   16 hexadecimal digits: query and document by content (labelKey of the trainer)
//   value [1, the teacher's version as its server names it, raw score as a float32]
// The same label again says the same, so it does no harm that a scorer that was killed sends some twice.
import type { SourceRecord } from '../contract.ts';
import type { KeyedMessage } from './group-topic.ts';

const version = 1;

export interface TopicLabel {
  readonly key: string;
  readonly model: string;
  readonly score: number;
}

export const labelMessage = ({ key, model, score }: TopicLabel): KeyedMessage => ({
  key,
  value: Buffer.from(JSON.stringify([version, model, score])),
});

/** Null for what no scorer of this version wrote: the trainer asks the teacher itself then. */
export function readLabel({ key, value }: Pick<SourceRecord, 'key' | 'value'>): TopicLabel | null {
  if (typeof key !== 'string' || !/^[0-9a-f]{16}$/.test(key) || typeof value !== 'string') return null;
  let fields: unknown;
  try {
    fields = JSON.parse(value);
  } catch {
    return null; // Not ours.
  }
  if (!Array.isArray(fields) || fields.length !== 3 || fields[0] !== version) return null;
  const [, model, score] = fields as unknown[];
  if (typeof model !== 'string' || typeof score !== 'number') return null;
  return { key, model, score };
}
