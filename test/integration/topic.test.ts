// A topic that goes away under a running source, on a real Apache Kafka: deleted, or deleted and made again
// with fewer records than were read, it ends the source by name and nothing of the new one is taken
// (promise 10). One that has grown beyond that is noticed when it is taken up: live-source.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { type Live, openLive, quickly } from '../support/broker/live.ts';
import { createTopic, produce, withAdmin } from '../support/broker/topic.ts';
import { journalConfig, recordOf } from '../support/records.ts';

const read = 20;

describe.skipIf(!canRunKafka())('a topic under a running source', { timeout: 120_000 }, () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());

  const records = (count: number, from: number): SourceRecord[] =>
    Array.from({ length: count }, (_, at) => recordOf(0, at, from + at));
  const remove = (topic: string): Promise<void> =>
    withAdmin(broker.bootstrap, (admin) => admin.deleteTopics({ topics: [topic] }));

  async function open(topic: string): Promise<Live> {
    await createTopic(broker.bootstrap, topic, 1);
    await produce(broker.bootstrap, records(read, 0), { topic });
    const config = journalConfig({}, { kafka: quickly(broker.bootstrap) });
    const source = await openLive({ config, topic, group: topic });
    const taken: SourceItem[] = [];
    while (taken.length < read) taken.push(...((await source.read(0)) ?? []));
    return source;
  }
  /** All that comes until it ends. */
  async function theRest(source: Live, taken: SourceItem[] = []): Promise<never> {
    for (;;) taken.push(...((await source.read(0)) ?? []));
  }

  test('that is deleted', async () => {
    const source = await open('deleted');
    await remove('deleted');
    await expect(theRest(source)).rejects.toMatchObject({ code: 'KAFKA_TOPIC_UNKNOWN' });
    await source.close();
  });

  test.each([
    ['empty', 0],
    ['shorter', read - 5],
  ])('that is made again, and is %s', async (name, count) => {
    const source = await open(name);
    const taken: SourceItem[] = [];
    const ending = expect(theRest(source, taken)).rejects.toMatchObject({
      code: expect.stringMatching(/^(JOURNAL_FOREIGN|KAFKA_TOPIC_UNKNOWN)$/),
    });
    await remove(name);
    await createTopic(broker.bootstrap, name, 1);
    await produce(broker.bootstrap, records(count, 1_000), { topic: name });
    await ending;
    expect(taken).toEqual([]);
    await source.close();
  });
});
