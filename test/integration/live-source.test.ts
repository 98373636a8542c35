// The live source on a real Apache Kafka: what is in the journal is a function of the topic (promise 1), a
// gap is never silent (promise 10), what waits is bounded (promise 11), and what is known to go wrong with
// kafkajs does not.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompressionTypes } from 'kafkajs';
import { lastValueFrom, tap } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../src/config.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { type IngestProgress, openIngest } from '../../src/streams/ingest.rx.ts';
import type { DeadLetterFile, Journal, Source, SourceItem } from '../../src/streams/ports.ts';
import { openRecordedSource } from '../../src/streams/recorded-source.fs.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { type Live, openLive, quickly } from '../support/broker/live.ts';
import { createTopic, deleteBefore, produce, withAdmin } from '../support/broker/topic.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { emptyStore, MemoryJournal } from '../support/memory-journal.ts';
import { journalConfig, readRecording, recordingOf, recordOf, topicOf } from '../support/records.ts';
import { sharedFile } from '../support/shared.ts';

const noLetters: DeadLetterFile = { append: () => Promise.resolve(0), close: () => Promise.resolve() };

describe.skipIf(!canRunKafka())('a live topic', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());

  let topics = 0;
  /** A topic of its own with these records. */
  async function topicWith(records: readonly SourceRecord[], partitions = 2): Promise<string> {
    const topic = `clicks-${topics++}`;
    await createTopic(broker.bootstrap, topic, partitions);
    await produce(broker.bootstrap, records, { topic });
    return topic;
  }

  const configOf = (kafka: Readonly<Record<string, unknown>> = {}, rest: object = {}): Config =>
    journalConfig({ ring_max: 1_000 }, { kafka: quickly(broker.bootstrap, kafka), ...rest });

  /** Ingests until `watch` stops it, or the source ends. */
  async function ingestAll(
    source: Live,
    journal: Journal,
    config: Config,
    enough?: (p: IngestProgress) => boolean,
  ) {
    const ingest = openIngest({ config, source, journal, deadLetters: noLetters });
    const watch = (progress: IngestProgress): void => {
      source.acknowledge(progress.status.offsets);
      if (enough?.(progress)) ingest.stop();
    };
    try {
      return await lastValueFrom(ingest.progress$.pipe(tap(watch)));
    } finally {
      await source.close();
    }
  }

  async function offsetsRead(source: Live, count: number): Promise<string[]> {
    const items: SourceItem[] = [];
    while (items.length < count) items.push(...((await source.read(0)) ?? []));
    return items.map((item) => ('offset' in item ? `${item.partition}/${item.offset}` : '?'));
  }

  test('bounded, comes to the same journal as its recording', async () => {
    const records = topicOf(90);
    const topic = await topicWith(records);
    const config = configOf();
    const file = join(temporaryDirectory(), 'recording.jsonl');
    writeFileSync(file, recordingOf(records.map((record) => ({ ...record, topic }))));
    const expected = emptyStore();
    const recorded = await openRecordedSource([file], config.records);
    const parts = { config, journal: new MemoryJournal(expected, config), deadLetters: noLetters };
    await lastValueFrom(openIngest({ ...parts, source: recorded }).progress$);
    await recorded.close();

    const store = emptyStore();
    const source = await openLive({ config, topic, until: 'now', group: 'bounded' });
    const done = await ingestAll(source, new MemoryJournal(store, config), config);
    expect(done.status.ended).toBe(true);
    expect(store.status).toEqual(expected.status);
    expect(store.groups).toEqual(expected.groups);
  });

  const esci = sharedFile('data/esci/clicks.jsonl.gz');
  test.skipIf(esci === null)('so does the ESCI topic, with default settings', async () => {
    const config = parseConfig({ kafka: { brokers: [broker.bootstrap] } });
    const ingest = async (source: Source) => {
      const journal = new MemoryJournal(emptyStore(), config);
      const { progress$ } = openIngest({ config, source, journal, deadLetters: noLetters });
      const { status, counts } = await lastValueFrom(progress$);
      await source.close();
      return { counts, contentHash: status.contentHash, offsets: Object.values(status.offsets) };
    };
    const records = readRecording(esci!);
    // Groups tell where they come from: the topic has the name that it has in the recording.
    const { topic } = records[0]!;
    await createTopic(broker.bootstrap, topic, 3);
    await produce(broker.bootstrap, records);
    const recorded = await ingest(await openRecordedSource([esci!], config.records));
    expect(recorded.counts.records).toBe(30_472);
    expect(await ingest(await openLive({ config, topic, until: 'now', group: 'esci' }))).toEqual(recorded);
  });

  test('stopped and started again goes on where the journal is, nothing twice or left out', async () => {
    const topic = await topicWith(topicOf(90));
    const config = configOf();
    const store = emptyStore();
    for (const enough of [40, 41, 120, 190]) {
      const journal = new MemoryJournal(store, config);
      const source = await openLive({ config, topic, status: store.status });
      await ingestAll(source, journal, config, ({ counts }) => counts.records >= enough);
    }
    expect(store.status).toMatchObject({ ended: false, counts: { records: 190, impressions: 90 } });
    expect(store.status.offsets).toEqual({ [`${topic}/0`]: 95, [`${topic}/1`]: 95 });
    const committed = await withAdmin(broker.bootstrap, (admin) =>
      admin.fetchOffsets({ groupId: 'restill', topics: [topic] }),
    );
    expect(committed[0]!.partitions.map(({ offset }) => offset)).toEqual(['95', '95']);
  });

  // Java's own framing: the broker compresses again, as the topic says.
  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads %s', async (codec) => {
    const topic = `codec-${codec}`;
    await createTopic(broker.bootstrap, topic, 1, { 'compression.type': codec });
    const value = 'so much the same '.repeat(5_000);
    await produce(broker.bootstrap, [recordOf(0, 0, 1, { value })], { topic });
    const source = await openLive({ config: configOf(), topic, group: codec });
    const [item] = (await source.read(0)) ?? [];
    expect('open' in item! && item.open()).toMatchObject({ value });
    await source.close();
  });

  test.each(['GZIP', 'Snappy', 'LZ4'] as const)('reads %s of kafkajs', async (codec) => {
    const topic = await topicWith([]);
    const compression = CompressionTypes[codec];
    await produce(broker.bootstrap, [recordOf(0, 0, 1, { value: 'a'.repeat(999) })], { topic, compression });
    const source = await openLive({ config: configOf(), topic, group: `own-${codec}` });
    const [item] = (await source.read(0)) ?? [];
    expect('open' in item! && item.open()).toMatchObject({ value: 'a'.repeat(999) });
    await source.close();
  });

  test('records deleted before they were read are an error, or passed over and told', async () => {
    const topic = await topicWith(
      Array.from({ length: 20 }, (_, offset) => recordOf(0, offset, offset)),
      1,
    );
    await deleteBefore(broker.bootstrap, topic, 0, 12);
    const status = { offsets: { [`${topic}/0`]: 5 }, fingerprints: {} };
    const halting = await openLive({ config: configOf(), topic, status });
    await expect(halting.read(0)).rejects.toMatchObject({
      code: 'OFFSET_GAP',
      message: expect.stringContaining('offsets 5 to 11'),
    });
    await halting.close();
    const going = await openLive({ config: configOf({ on_gap: 'continue' }), topic, status });
    expect((await offsetsRead(going, 8))[0]).toBe('0/12');
    expect(going.notices).toContainEqual({ kind: 'gap', partition: `${topic}/0`, from: 5, to: 12 });
    await going.close();
  });

  test('a topic that was made again is another one, longer or shorter', async () => {
    const records = Array.from({ length: 20 }, (_, offset) => recordOf(0, offset, offset));
    const topic = await topicWith(records, 1);
    const config = configOf();
    for (const status of [
      { offsets: { [`${topic}/0`]: 25 }, fingerprints: {} },
      { offsets: { [`${topic}/0`]: 5 }, fingerprints: { [`${topic}/0`]: '4:17:00000000' } },
    ]) {
      const source = await openLive({ config, topic, status });
      await expect(source.read(0)).rejects.toMatchObject({ code: 'JOURNAL_FOREIGN' });
      await source.close();
    }
  });

  test('what waits is bounded: partitions are paused, and the member stays in its group', async () => {
    const value = 'x'.repeat(10_000);
    const records = Array.from({ length: 400 }, (_, at) => recordOf(at % 2, at >> 1, at, { value }));
    const topic = await topicWith(records);
    const config = configOf({ buffer_max: '200KiB', fetch_bytes_max: '64KiB', session_timeout: '2s' });
    const source = await openLive({ config, topic, group: 'slow' });
    const waiting = () => source.partitions().reduce((sum, { bytes }) => sum + bytes, 0);
    await source.read(0);
    const from = Date.now();
    let most = 0;
    while (Date.now() < from + 4_000) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      most = Math.max(most, waiting());
    }
    expect(most).toBeGreaterThan(100_000);
    // A fetch brings whole batches of the log: what one produce request sent.
    expect(most).toBeLessThan(3 * 200 * 1024);
    expect(source.notices.filter(({ kind }) => kind === 'joined')).toHaveLength(1);
    expect(source.notices.map(({ kind }) => kind)).toContain('paused');
    const rest = await offsetsRead(source, 300);
    expect(rest.length).toBeGreaterThanOrEqual(300);
    expect(source.notices.map(({ kind }) => kind)).toContain('resumed');
    await source.close();
  });

  test('the broker may be killed; what comes after it is read once', async () => {
    const topic = await topicWith([recordOf(0, 0, 1)], 1);
    const source = await openLive({ config: configOf(), topic, group: 'survivor' });
    expect(await offsetsRead(source, 1)).toEqual(['0/0']);
    await broker.kill();
    await broker.start();
    await produce(broker.bootstrap, [recordOf(0, 0, 2), recordOf(0, 0, 3)], { topic });
    expect(await offsetsRead(source, 2)).toEqual(['0/1', '0/2']);
    await source.close();
  });
});
