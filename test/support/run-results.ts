// What processes of `restill run` have come to: their journal, their labels.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config.ts';
import type { Group } from '../../src/contract.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../src/streams/journal-reader.lmdb.ts';
import { type Label, LabelTable } from '../../src/trainer/labels.ts';

export interface JournalContent {
  /** Over all groups there have been. */
  readonly contentHash: string;
  /** Sequence number of the next group. */
  readonly high: number;
  /** What of them is there. */
  readonly groups: readonly Group[];
}

const attemptsMax = 300;

/**
 * What is in the journal of a data directory as soon as it has `enough`, or at the latest after a minute.
 * @param config path of the configuration.
 * @param enough is told how many groups there have been, and how many records were taken.
 */
export async function journalOf(
  config: string,
  data: string,
  enough: (groups: number, taken: number) => boolean,
): Promise<JournalContent> {
  const parsed = parseConfig(parse(readFileSync(config, 'utf8')));
  const open = () => {
    try {
      return openJournalReader(join(data, 'journal'), { config: parsed, host: journalHost });
    } catch {
      return null; // Not there yet.
    }
  };
  for (let attempt = 0; ; attempt++) {
    await pause(200);
    const reader = open();
    if (reader === null) {
      if (attempt > attemptsMax) throw new Error(`no journal in ${data}`);
      continue;
    }
    try {
      const { low, high, contentHash, offsets } = reader.status();
      const taken = Object.values(offsets).reduce((sum, next) => sum + next, 0);
      if (enough(high, taken) || attempt > attemptsMax)
        return { contentHash, high, groups: reader.read(low, high) };
    } finally {
      await reader.close();
    }
  }
}

/** The labels of a generation, by key, in the order of their keys. */
export function labelsOf(data: string, generation: string): readonly (readonly [string, Label])[] {
  const bytes = readFileSync(join(data, 'generations', generation, 'labels.bin'));
  const table = LabelTable.decode(bytes, Number.POSITIVE_INFINITY);
  const keys = Array.from({ length: bytes.length / 16 }, (_, at) =>
    bytes.toString('hex', 16 * at, 16 * at + 8),
  );
  return keys.sort().map((key) => [key, table.get(key)!]);
}
