// restill run --role builder: events in, closed pages out, for a trainer elsewhere. The composition root of
// the live source, the joins and the transactions.
import { join } from 'node:path';
import { type Observable, take } from 'rxjs';
import type { Config } from '../config.ts';
import { Builder, type BuilderProgress, requireWholePages } from '../streams/builder.ts';
import { type Restored, StateReader } from '../streams/changelog.ts';
import { openDeadLetters } from '../streams/dead-letters.fs.ts';
import { lockDirectory } from '../streams/directory-lock.lmdb.ts';
import { isLetter } from '../streams/envelope.ts';
import { openTransactions } from '../streams/handing.kafka.ts';
import { journalHost } from '../streams/journal-host.fs.ts';
import type { LiveNotice } from '../streams/live.ts';
import type { TakeOver } from '../streams/starts.ts';
import { placeOfKey } from '../streams/watermark.ts';
import type { Log } from '../telemetry.ts';
import { logNotice, openBroker, openTopic } from './broker.ts';
import { withTopic } from './letters.ts';
import type { PartitionStanding } from './observe.ts';
import { openOperations, showContact } from './operations.ts';
import { prepareRoleTopics, readingConfig } from './roles.ts';
import { readToEnd } from './topic-contents.ts';

export interface BuilderInputs {
  readonly config: Config;
  readonly data: string;
  readonly log: Log;
  readonly version: string;
  readonly stop$: Observable<unknown>;
}

/** Until it is told to stop. What is at hand then is handed over first. */
export async function runBuilder(inputs: BuilderInputs): Promise<void> {
  const { config, data, log, version, stop$ } = inputs;
  requireWholePages(config);
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const opened = <T extends { close(): unknown }>(part: T): T => {
    closing.unshift(() => part.close());
    return part;
  };
  try {
    opened(lockDirectory(data, 'builder', journalHost));
    await prepareRoleTopics(config);
    const note = (message: string): void => log.info('source.client', { message });
    const broker = await openBroker(config, note);
    opened(broker.desk);
    const topic = broker.desk.topics[0]!;
    let partitions = (): readonly PartitionStanding[] => [];
    const standings = () => partitions();
    const operations = opened(await openOperations({ config, data, log, version, partitions: standings }));
    const file = opened(await openDeadLetters(join(data, 'dead-letters.jsonl'), Number.POSITIVE_INFINITY));
    const letters = opened(await withTopic(file, { config, operations, note }));
    const { group } = config.kafka;
    const transactions = opened(openTransactions(broker.kafka, { group, roles: config.roles }));
    const restore = (numbers: readonly number[]) => restoreState(config, numbers);
    let takeUpAgain = (): void => {};
    const builder = new Builder({
      ...{ config, topic, letters, handing: { ...transactions, restore } },
      fenced: (partition) => {
        log.error('builder.fenced', { partition });
        takeUpAgain();
      },
    });
    const notice = (found: LiveNotice): void => {
      logNotice(found, log);
      showContact(found, operations);
      if (found.kind === 'joined') operations.follow({ kind: 'state', state: 'TRAINING' });
    };
    const bounds = { from: null, until: null };
    const takeOver: TakeOver = (places) => builder.takeOver(places.map(({ partition }) => partition));
    const source = opened(await openTopic({ config, broker, status: nothing, bounds, notice, takeOver }));
    takeUpAgain = () => source.takeUpAgain();
    partitions = () => source.partitions();
    stop$.pipe(take(1)).subscribe(() => void source.close());
    await builder.run(source, (durable) => {
      source.acknowledge(durable.offsets);
      operations.follow({ kind: 'ingest', progress: progressOf(durable, source.progress()) });
    });
  } finally {
    for (const close of closing) await Promise.resolve(close()).catch(() => {}); // What is durable stays so.
  }
}

const nothing = { offsets: {}, fingerprints: {} };

/** A builder has no journal: what it handed over is somebody else's. */
const progressOf = (
  { counts, clocks, offsets }: BuilderProgress,
  read: { readonly bytesRead: number; readonly bytesTotal: number },
) => ({ counts, clocks, ...read, status: { low: 0, high: 0, ended: false, contentHash: '', offsets } });

/** What the builders before left of these partitions. @throws RestillError KAFKA_*, JOURNAL_FOREIGN */
async function restoreState(
  config: Config,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, Restored>> {
  const readers = new Map(partitions.map((partition) => [partition, new StateReader()]));
  await readToEnd(
    readingConfig(config, config.roles.state),
    (key, { low, high }) => (readers.has(placeOfKey(key).partition) ? low : high),
    (item) => {
      const record = item.open();
      readers.get(item.partition)?.take(isLetter(record) ? record.record : record);
    },
  );
  return new Map([...readers].flatMap(([at, reader]) => withState(at, reader.restored())));
}

const withState = (partition: number, restored: Restored | null): [number, Restored][] =>
  restored === null ? [] : [[partition, restored]];
