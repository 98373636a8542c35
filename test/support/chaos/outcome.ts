// What a run has come to, for comparison: groups and counts, without what depends on how partitions
// interleave (see src/streams/intake.ts) and on what else was in the topic.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import type { Config } from '../../../src/config.ts';
import type { Group, IngestCounts } from '../../../src/contract.ts';
import { openDeadLetters } from '../../../src/streams/dead-letters.fs.ts';
import { openIngest } from '../../../src/streams/ingest.rx.ts';
import { openJournal } from '../../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../../src/streams/journal-reader.lmdb.ts';
import { openRecordedSource } from '../../../src/streams/recorded-source.fs.ts';
import { openLive } from '../broker/live.ts';
import { emptyStore, MemoryJournal } from '../memory-journal.ts';

export interface Outcome {
  /** Each group as JSON, sorted: what it says, and from which partition. */
  readonly groups: readonly string[];
  readonly counts: IngestCounts;
}

/** Of a recording that nothing disturbs, in memory. */
export async function undisturbed(recording: string, config: Config): Promise<Outcome> {
  const source = await openRecordedSource([recording], config.records);
  const store = emptyStore();
  const journal = new MemoryJournal(store, config);
  const deadLetters = { append: () => Promise.resolve(0), close: () => Promise.resolve() };
  await lastValueFrom(openIngest({ config, source, journal, deadLetters }).progress$);
  await source.close();
  return { groups: essence(store.groups), counts: store.status.counts };
}

/** Of a data directory, once it has been brought to the end of its topic. */
export async function broughtToItsEnd(data: string, config: Config): Promise<Outcome> {
  const journal = openJournal(join(data, 'journal'), { config, host: journalHost });
  const status = journal.status();
  const deadLetters = await openDeadLetters(join(data, 'dead-letters.jsonl'), status.deadLetterBytes);
  const source = await openLive({ config, topic: config.topic!, status, until: 'now', group: 'end' });
  try {
    const { counts } = await lastValueFrom(openIngest({ config, source, journal, deadLetters }).progress$);
    return { groups: essence(await journalled(data, config)), counts };
  } finally {
    await source.close();
    await deadLetters.close();
    await journal.close();
  }
}

/** Every group there is, checked against its checksums. */
async function journalled(data: string, config: Config): Promise<Group[]> {
  const journal = openJournalReader(join(data, 'journal'), { config, host: journalHost });
  try {
    journal.verify();
    const { low, high } = journal.status();
    return [...journal.recall(journal.memory()), ...journal.read(low, high)];
  } finally {
    await journal.close();
  }
}

/** Values of the dead letters in the file, in its order. */
export const lettersIn = (data: string): string[] =>
  readFileSync(join(data, 'dead-letters.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { payload: string }).payload);

const essence = (groups: readonly Group[]): string[] =>
  groups
    .map(({ sequence: _, origin, corrects, ...said }) =>
      JSON.stringify({ ...said, partition: origin.partition, corrects: corrects !== null }),
    )
    .sort();
