// A live source whose network or broker goes away, on a real Apache Kafka: a connection whose other end is
// gone without a word is given up and made anew, a broker that stays away is told of, or ends the source, as
// configured; nothing waits for ever (promise 11). A topic that is not the one of the journal ends it by name
// (promise 10).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceItem } from '../../src/streams/ports.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { type Live, openLive, quickly } from '../support/broker/live.ts';
import { type BrokerProxy, openProxy } from '../support/broker/proxy.ts';
import { createTopic, produce } from '../support/broker/topic.ts';
import { journalConfig, recordOf } from '../support/records.ts';

describe.skipIf(!canRunKafka())('a live source', { timeout: 120_000 }, () => {
  let broker: Broker;
  let proxy: BrokerProxy;
  beforeAll(async () => {
    proxy = await openProxy();
    broker = await startBroker({
      listeners: { PROXY: 'PLAINTEXT' },
      advertised: { PROXY: proxy.address },
    });
    proxy.aim(broker.address('PROXY'));
  });
  afterAll(async () => {
    await proxy?.close();
    await broker?.stop();
  });

  let topics = 0;
  async function open(kafka: object = {}) {
    const topic = `network-${topics++}`;
    await createTopic(broker.bootstrap, topic, 1);
    const produceOne = () => produce(broker.bootstrap, [recordOf(0, 0, 1)], { topic });
    await produceOne();
    const settings = { session_timeout: '1500ms', request_timeout: '1s', heartbeat_every: '300ms', ...kafka };
    const config = journalConfig({}, { kafka: quickly(proxy.address, settings) });
    const source = await openLive({ config, topic, group: topic });
    await offsetOf(source);
    return { topic, source, produceOne };
  }
  /** Of the next record. */
  async function offsetOf(source: Live): Promise<number> {
    for (let items: SourceItem[] = []; ; items = (await source.read(0)) ?? [])
      for (const item of items) if ('offset' in item) return item.offset;
  }
  const told = (source: Live, kind: string) =>
    expect
      .poll(() => source.notices.map((notice) => notice.kind), { timeout: 90_000, interval: 50 })
      .toContain(kind);

  test('gives up connections whose other end is gone without a word', async () => {
    const { source, produceOne } = await open();
    for (const offset of [1, 2]) {
      proxy.halfOpen();
      await produceOne();
      expect(await offsetOf(source)).toBe(offset);
    }
    await source.close();
  });

  test('goes on after its network was stalled for longer than its session', async () => {
    const { source, produceOne } = await open();
    proxy.stall();
    await produceOne();
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    proxy.heal();
    expect(await offsetOf(source)).toBe(1);
    await source.close();
  });

  test('tells of a broker away for kafka.away_max, of having no partitions, and of its return', async () => {
    const { source, produceOne } = await open({ away_max: '5s' });
    await broker.kill();
    await told(source, 'away');
    await told(source, 'unsettled');
    await broker.start();
    await told(source, 'back');
    await produceOne();
    expect(await offsetOf(source)).toBe(1);
    await source.close();
  });

  test('or ends with it', async () => {
    const { source } = await open({ away_max: '5s', on_away: 'halt' });
    await broker.kill();
    await expect(offsetOf(source)).rejects.toMatchObject({
      code: 'KAFKA_UNREACHABLE',
      message: expect.stringContaining('kafka.away_max'),
    });
    await source.close();
    await broker.start();
  });

  test('of another topic than the journal ends by name, although that topic is empty', async () => {
    await createTopic(broker.bootstrap, 'empty', 1);
    const config = journalConfig({}, { kafka: quickly(broker.bootstrap) });
    const status = { offsets: { 'full/0': 3 }, fingerprints: {} };
    const source = await openLive({ config, topic: 'empty', group: 'empty', status });
    await expect(source.read(0)).rejects.toMatchObject({ code: 'JOURNAL_FOREIGN' });
    await source.close();
  });
});
