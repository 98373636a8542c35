// Several members in one group, each with its own journal: a partition that moves goes on where the group has
// committed, nothing is left out; partitions that are added are taken up. An idle member costs next to
// nothing.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceItem } from '../../src/streams/ports.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { type Live, openLive, quickly } from '../support/broker/live.ts';
import { createTopic, produce, withAdmin } from '../support/broker/topic.ts';
import { journalConfig, recordOf } from '../support/records.ts';

describe.skipIf(!canRunKafka())('a consumer group', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());

  const configOf = (kafka: object = {}) =>
    journalConfig({}, { kafka: quickly(broker.bootstrap, { shared: true, ...kafka }) });

  /** Reads on and on, and says at once that it is durable. */
  function follow(source: Live, topic: string) {
    const taken: string[] = [];
    const offsets: Record<string, number> = {};
    const done = (async () => {
      for (let items: SourceItem[] | null = []; items !== null; items = await source.read(0)) {
        for (const item of items) {
          if (!('offset' in item)) continue;
          taken.push(`${item.partition}/${item.offset}`);
          offsets[`${topic}/${item.partition}`] = item.offset + 1;
        }
        source.acknowledge({ ...offsets });
      }
    })();
    return { taken, done };
  }
  const partitionsOf = (source: Live): number[] => source.partitions().map(({ partition }) => partition);
  async function until(what: () => boolean): Promise<void> {
    while (!what()) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const fill = (topic: string, partitions: readonly number[], count: number) =>
    produce(
      broker.bootstrap,
      Array.from({ length: count }, (_, at) =>
        partitions.map((partition) => recordOf(partition, 0, at)),
      ).flat(),
      { topic },
    );

  test('shares partitions, and takes them over where they were left', async () => {
    await createTopic(broker.bootstrap, 'moving', 2);
    await fill('moving', [0, 1], 50);
    const first = await openLive({ config: configOf(), topic: 'moving' });
    const one = follow(first, 'moving');
    await until(() => one.taken.length === 100);
    const second = await openLive({ config: configOf(), topic: 'moving' });
    const two = follow(second, 'moving');
    await until(() => partitionsOf(first).length === 1 && partitionsOf(second).length === 1);
    await fill('moving', [0, 1], 50);
    await until(() => one.taken.length + two.taken.length >= 200);
    await first.close();
    await one.done;
    await until(() => partitionsOf(second).length === 2);
    await fill('moving', [0, 1], 10);
    await until(() => one.taken.length + two.taken.length >= 220);
    await second.close();
    const all = [...one.taken, ...two.taken];
    expect(new Set(all).size).toBe(220);
    expect(all).toHaveLength(220);
    expect(two.taken.length).toBeGreaterThan(50);
  });

  test('takes up a partition that was added', async () => {
    await createTopic(broker.bootstrap, 'growing', 1);
    await fill('growing', [0], 3);
    const source = await openLive({ config: configOf({ shared: false }), topic: 'growing' });
    const { taken } = follow(source, 'growing');
    await until(() => taken.length === 3);
    await withAdmin(broker.bootstrap, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: 'growing', count: 2 }] }),
    );
    await fill('growing', [1], 4);
    await until(() => taken.length === 7);
    await source.close();
    expect(taken.sort()).toEqual(['0/0', '0/1', '0/2', '1/0', '1/1', '1/2', '1/3']);
  });

  test('sets few timers while there is nothing to do', async () => {
    await createTopic(broker.bootstrap, 'idle', 1);
    const source = await openLive({ config: configOf(), topic: 'idle' });
    await until(() => partitionsOf(source).length === 1);
    const timers = createRequire(import.meta.url)('node:timers') as { setTimeout: typeof setTimeout };
    const real = globalThis.setTimeout;
    let set = 0;
    const counted = (...args: Parameters<typeof setTimeout>): NodeJS.Timeout => {
      set++;
      return real(...args);
    };
    globalThis.setTimeout = Object.assign(counted, real);
    try {
      await new Promise((resolve) => timers.setTimeout(resolve, 2_000));
    } finally {
      globalThis.setTimeout = real;
    }
    await source.close();
    // A fetch each 100 ms; kafkajs as it is sets two thousand.
    expect(set).toBeLessThan(200);
  });
});
