// Partitions are taken up for the assignment at hand and for no other: what was to be asked again for one
// that is over is not, nor after the end. The handler waits only where all partitions are paused, until one
// is resumed, and no longer than kafkajs would. (On a real broker: test/integration/live-source.test.ts.)
import type { ConsumerRunConfig, EachBatchPayload, Kafka } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { RestillError } from '../../src/errors.ts';
import { openLiveSource } from '../../src/streams/live-source.kafka.ts';
import { placeOfKey } from '../../src/streams/watermark.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

/** A client whose consumer does nothing: what the broker says, the test says. */
function quietClient() {
  const events = Object.fromEntries(
    ['GROUP_JOIN', 'HEARTBEAT', 'REBALANCING', 'CRASH', 'END_BATCH_PROCESS'].map((name) => [name, name]),
  );
  const listeners = new Map<string, (event: object) => void>();
  const nothing = (): Promise<void> => Promise.resolve();
  let handle: ConsumerRunConfig['eachBatch'];
  const run = ({ eachBatch }: ConsumerRunConfig): Promise<void> => {
    handle = eachBatch;
    return nothing();
  };
  const consumer = {
    events,
    on: (event: string, listener: (event: object) => void) => listeners.set(event, listener),
    ...{ connect: nothing, subscribe: nothing, run, disconnect: nothing },
    ...{ pause: () => {}, resume: () => {}, seek: () => {} },
  };
  const join = (partitions: readonly number[]): void =>
    listeners.get('GROUP_JOIN')!({ payload: { memberAssignment: { clicks: partitions } } });
  const beat = (): void => listeners.get('HEARTBEAT')!({});
  const leave = (): void => listeners.get('REBALANCING')!({});
  /** A message of `bytes` comes; resolves when the handler has returned. */
  const bring = (partition: number, offset: number, bytes: number): Promise<void> => {
    const message = { offset: `${offset}`, timestamp: `${offset}`, key: null, value: Buffer.alloc(bytes) };
    const batch = { topic: 'clicks', partition, messages: [message], highWatermark: '9' };
    const payload = {
      batch: { ...batch, lastOffset: () => message.offset },
      ...{ resolveOffset: () => {}, commitOffsetsIfNecessary: nothing, heartbeat: nothing },
      isStale: () => false,
    };
    return handle!(payload as unknown as EachBatchPayload);
  };
  return { kafka: { consumer: () => consumer } as unknown as Kafka, join, beat, leave, bring };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open() {
  const { kafka, join, beat, leave, bring } = quietClient();
  const timer = virtualTimer();
  const asked: number[][] = [];
  const joined: number[][] = [];
  let answers = true;
  const source = await openLiveSource({
    ...{ kafka, timer, config: parseConfig({ topic: 'clicks' }), group: 'shop', from: null, until: null },
    desk: {
      topics: ['clicks'],
      ranges: () =>
        Promise.resolve(new Map([0, 1, 2].map((partition) => [`clicks/${partition}`, { low: 0, high: 0 }]))),
      offsetsAt: () => Promise.resolve(new Map()),
      committed: () => Promise.resolve(new Map()),
      close: () => Promise.resolve(),
    },
    status: { offsets: {}, fingerprints: {} },
    takeOver: (places) => {
      asked.push(places.map(({ partition }) => partition));
      return answers
        ? Promise.resolve({ offsets: {}, fingerprints: {} })
        : Promise.reject(new RestillError('KAFKA_UNREACHABLE', 'no answer'));
    },
    notice: (notice) => {
      if (notice.kind === 'joined') joined.push(notice.partitions.map((key) => placeOfKey(key).partition));
    },
  });
  const setAnswering = (to: boolean): void => {
    answers = to;
  };
  return { source, join, beat, leave, bring, timer, asked, joined, setAnswering };
}

describe('a take-up that got no answer', () => {
  test('is asked for again', async () => {
    const { source, join, timer, asked, joined, setAnswering } = await open();
    setAnswering(false);
    join([0, 1]);
    await settle();
    setAnswering(true);
    timer.advance(1_000);
    await settle();
    expect(asked).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(joined).toEqual([[0, 1]]);
    await source.close();
  });

  test('is not, when another assignment has come: it would take from others what is theirs', async () => {
    const { source, join, timer, asked, joined, setAnswering } = await open();
    setAnswering(false);
    join([0, 1]);
    await settle();
    setAnswering(true);
    join([1, 2]);
    await settle();
    timer.advance(10_000);
    await settle();
    expect(asked).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(joined).toEqual([[1, 2]]);
    await source.close();
  });

  test('is not after the end', async () => {
    const { source, join, timer, asked, setAnswering } = await open();
    setAnswering(false);
    join([0]);
    await settle();
    await source.close();
    timer.advance(10_000);
    await settle();
    expect(asked).toEqual([[0]]);
  });
});

describe('an assignment that is to be taken up again', () => {
  test('is, once, as soon as a heartbeat has confirmed it', async () => {
    const { source, join, beat, asked, joined } = await open();
    join([0, 1]);
    await settle();
    beat();
    expect(asked).toEqual([[0, 1]]);
    source.takeUpAgain();
    expect(asked).toEqual([[0, 1]]);
    beat();
    beat();
    await settle();
    expect(asked).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(joined).toEqual(asked);
    await source.close();
  });

  test('is not when it is over: another one may have what it gave us', async () => {
    const { source, join, beat, leave, asked } = await open();
    join([0, 1]);
    await settle();
    source.takeUpAgain();
    leave();
    beat();
    await settle();
    join([1]);
    await settle();
    beat();
    await settle();
    expect(asked).toEqual([[0, 1], [1]]);
    await source.close();
  });
});

test('the handler returns also where all partitions are paused', async () => {
  const large = parseConfig({ topic: 'clicks' }).kafka.bufferMax / 2;
  const { source, join, bring } = await open();
  join([0, 1]);
  await settle();
  await bring(0, 0, large);
  await bring(1, 1, large);
  expect(source.partitions().map(({ paused }) => paused)).toEqual([true, true]);
  expect((await source.read(0))?.map(({ offset }) => offset)).toEqual([0]);
  expect(source.partitions()[0]!.paused).toBe(false);
  await source.close();
});
