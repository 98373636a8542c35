// A side of bench:consume. `journal` is the ingest of restill run, put together as in src/commands/run.ts
// but for the trainer; `kafkajs` is what anybody would write who only wants to look at every record.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom, tap } from 'rxjs';
import { openConsumer } from '../../src/commands/consumer.ts';
import { parseConfig } from '../../src/config.ts';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { type IngestProgress, openIngest } from '../../src/streams/ingest.rx.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import type { Answer, Order, SideName, Supply } from './side.ts';

/** Told how many records are done; once all are, what it returns is waited for. */
type OnProgress = (records: number) => void;
/** Consumes everything, calls `atEnd` and waits for it before it closes what it has opened. */
type Consume = (onProgress: OnProgress, atEnd: () => Promise<void>) => Promise<void>;

/** In which it commits, and V8 collects, at its leisure, what was left of what was read. */
const settlingMs = 10_000;

const [name, text] = process.argv.slice(2) as [SideName, string];
const { bootstrap, topic, records } = JSON.parse(text) as Supply;
let rounds = 0;
const groupName = (): string => `bench.${name}.${process.pid}.${rounds++}`;

async function toJournal(onProgress: OnProgress, atEnd: () => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'restill-bench-'));
  // There is no trainer that would make room in the ring.
  const journalOptions = { ring_max: Math.max(100_000, records) };
  const kafka = { brokers: [bootstrap], group: groupName() };
  const config = parseConfig({ topic, kafka, journal: journalOptions });
  const journal = openJournal(join(directory, 'journal'), { config, host: journalHost });
  const status = journal.status();
  const source = await openConsumer({ config, status }, { notice: () => {}, note: () => {} });
  const deadLetters = await openDeadLetters(join(directory, 'dead-letters.jsonl'), 0);
  const ingest = openIngest({ config, source, journal, deadLetters });
  let isDone = false;
  const follow = ({ status: { offsets }, counts }: IngestProgress): void => {
    source.acknowledge(offsets);
    onProgress(counts.records);
    const taken = Object.values(offsets).reduce((sum, offset) => sum + offset, 0);
    if (taken < records || isDone) return;
    isDone = true;
    void atEnd().then(() => ingest.stop());
  };
  await lastValueFrom(ingest.progress$.pipe(tap(follow)));
  await Promise.all([source.close(), deadLetters.close(), journal.close()]);
  rmSync(directory, { recursive: true });
}

async function parseOnly(onProgress: OnProgress, atEnd: () => Promise<void>): Promise<void> {
  const kafka = new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: groupName() });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let parsed = 0;
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({
      batch,
    }: {
      batch: { messages: { value: Buffer | null }[] };
    }): Promise<void> => {
      for (const { value } of batch.messages) parseLeniently(value);
      parsed += batch.messages.length;
      onProgress(parsed);
      if (parsed === records) resolve();
    };
    consumer.run({ eachBatch }).catch(reject);
  });
  await atEnd();
  await consumer.disconnect();
}

function parseLeniently(value: Buffer | null): void {
  try {
    JSON.parse(value?.toString() ?? '');
  } catch {
    // Malformed records are part of the topic.
  }
}

const consume: Consume = name === 'journal' ? toJournal : parseOnly;
const mebibytes = (bytes: number): number => Number((bytes / 2 ** 20).toFixed(1));
const parts = 10;

function meter(): () => Pick<Answer, 'seconds' | 'cpuSeconds'> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1e3, cpuSeconds: (user + system) / 1e6 };
  };
}

async function obey(order: Order): Promise<Answer> {
  const heapMiB: number[] = [];
  const onProgress = (done: number): void => {
    if (order.kind !== 'heap' || done < ((heapMiB.length + 1) * records) / parts) return;
    globalThis.gc?.();
    heapMiB.push(mebibytes(process.memoryUsage().heapUsed));
  };
  let read = meter();
  let taken = read();
  const atEnd = async (): Promise<void> => {
    if (order.kind === 'idle') {
      await pause(settlingMs);
      read = meter();
      await pause(1_000 * order.seconds);
    }
    taken = read();
  };
  await consume(onProgress, atEnd);
  return { ...taken, heapMiB, residentMiB: mebibytes(process.memoryUsage().rss) };
}

process.on('message', (order: Order) => {
  void obey(order).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit(0));
