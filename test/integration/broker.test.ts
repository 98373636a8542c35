// The test broker itself, in the oldest and the newest version: records keep partition, key and timestamp; a
// killed broker comes back with its data.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka, kafkaVersions } from '../support/broker/jars.ts';
import { createTopic, deleteBefore, produce, withAdmin } from '../support/broker/topic.ts';
import { recordOf } from '../support/records.ts';

describe.each(Object.values(kafkaVersions))('Apache Kafka %s', (version) => {
  describe.skipIf(!canRunKafka(version))('for tests', () => {
    let broker: Broker;
    beforeAll(async () => {
      broker = await startBroker({ version });
    });
    afterAll(() => broker.stop());

    const offsets = async () => {
      const found = await withAdmin(broker.bootstrap, (admin) => admin.fetchTopicOffsets('clicks'));
      return found.sort((a, b) => a.partition - b.partition);
    };

    test('keeps what it was given over a kill', async () => {
      await createTopic(broker.bootstrap, 'clicks', 2);
      await produce(broker.bootstrap, [recordOf(0, 0, 1_000), recordOf(1, 0, 2_000), recordOf(1, 1, 3_000)]);
      await broker.kill();
      await broker.start();
      await deleteBefore(broker.bootstrap, 'clicks', 1, 1);
      expect(await offsets()).toEqual([
        { partition: 0, offset: '1', low: '0', high: '1' },
        { partition: 1, offset: '2', low: '1', high: '2' },
      ]);
    });
  });
});
