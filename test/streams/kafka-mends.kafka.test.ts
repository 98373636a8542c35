// What kafka-mends.kafka.ts does. A fetch that sleeps because all is paused ends when something is resumed,
// on each node; any other fetch is left alone, with its errors. A connection that was cut in the midst of an
// answer begins anew. A request that takes too long is noticed, without looking ten times a second.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { mendKafkajs, wakeAtResume } from '../../src/streams/kafka-mends.kafka.ts';

/** What of a consumer group of kafkajs is touched; its fetches end when told to. */
class Group {
  active: number[] = [];
  readonly fetches: { readonly node: string; end(batches: unknown[]): void; fail(error: Error): void }[] = [];
  readonly subscriptionState = { active: () => [{ partitions: this.active }] };

  fetch(node: string): Promise<unknown[]> {
    return new Promise((end, fail) => this.fetches.push({ node, end, fail }));
  }

  resume(partitions: unknown): void {
    this.active = partitions as number[];
  }
}
wakeAtResume(Group.prototype);

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A group, and what its fetches have come to so far. */
function open() {
  const group = new Group();
  const ended: unknown[] = [];
  const fetch = (node: string): void =>
    void group.fetch(node).then(
      (batches) => ended.push(batches),
      (error: Error) => ended.push(error.message),
    );
  return { group, ended, fetch };
}

test('all paused: it ends with nothing when something is resumed, on each node', async () => {
  const { group, ended, fetch } = open();
  fetch('1');
  fetch('2');
  await settle();
  expect(ended).toEqual([]);
  group.resume([0]);
  await settle();
  expect(ended).toEqual([[], []]);
  group.fetches[0]!.end(['late']);
  group.fetches[1]!.fail(new Error('late'));
  await settle();
  expect(ended).toEqual([[], []]);
});

test('all paused and nothing is resumed: it ends as it would have, also with its error', async () => {
  const { group, ended, fetch } = open();
  fetch('1');
  group.fetches[0]!.end([]);
  await settle();
  fetch('1');
  group.fetches[1]!.fail(new Error('rebalancing'));
  await settle();
  expect(ended).toEqual([[], 'rebalancing']);
});

test('something to fetch: another partition that is resumed does not cut it short', async () => {
  const { group, ended, fetch } = open();
  group.active = [0];
  fetch('1');
  group.resume([0, 1]);
  await settle();
  expect(ended).toEqual([]);
  group.fetches[0]!.end(['batch']);
  await settle();
  expect(ended).toEqual([['batch']]);
});

/** What of a connection of kafkajs is used here. */
interface Connection {
  requestQueue: { fulfillRequest: (answer: { readonly correlationId: number }) => void };
  connect(): Promise<boolean>;
  disconnect(): Promise<boolean>;
  isConnected(): boolean;
}

const silent = (): object => ({ namespace: silent, debug: () => {}, error: () => {}, warn: () => {} });

test('a connection that was cut in the midst of an answer does not go on with it', async () => {
  expect(mendKafkajs(systemClock)).toBe(true);
  const require = createRequire(import.meta.url);
  const KafkaConnection = require('kafkajs/src/network/connection.js') as new (options: object) => Connection;
  const theirs = require('kafkajs/src/network/socketFactory.js') as () => unknown;
  const answers = [
    Buffer.from([0, 0, 0, 100, 1, 2, 3]), // Of 100 bytes, three.
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 7]), // A whole one.
  ];
  const server = createServer((socket) => socket.end(answers.shift()!)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = { host: '127.0.0.1', port, clientId: 'test', logger: silent(), socketFactory: theirs() };
  const connection = new KafkaConnection({ ...options, connectionTimeout: 5_000, requestTimeout: 5_000 });
  const answered: number[] = [];
  connection.requestQueue.fulfillRequest = ({ correlationId }) => void answered.push(correlationId);
  for (let time = 0; time < 2; time++) {
    await connection.connect();
    await expect.poll(() => connection.isConnected()).toBe(false);
  }
  expect(answered).toEqual([7]);
  server.close();
});

/** What of a queue of requests of kafkajs is used here. */
interface RequestQueue {
  readonly inflight: Map<number, object>;
  scheduleRequestTimeoutCheck(): void;
}

test('a request that takes too long is noticed, until the connection is cut', () => {
  expect(mendKafkajs(systemClock)).toBe(true);
  const require = createRequire(import.meta.url);
  const Queue = require('kafkajs/src/network/requestQueue/index.js') as new (options: object) => RequestQueue;
  vi.useFakeTimers();
  try {
    const isConnected = vi.fn(() => true);
    const options = { requestTimeout: 10_000, enforceRequestTimeout: true, clientId: 'test', broker: 'b' };
    const queue = new Queue({ ...options, maxInFlightRequests: null, logger: silent(), isConnected });
    const timeoutRequest = vi.fn();
    queue.inflight.set(1, { sentAt: Date.now(), requestTimeout: 10_000, timeoutRequest });
    queue.scheduleRequestTimeoutCheck();
    vi.advanceTimersByTime(10_000);
    expect(timeoutRequest).not.toHaveBeenCalled();
    expect(isConnected).toHaveBeenCalledTimes(20);
    vi.advanceTimersByTime(500);
    expect(timeoutRequest).toHaveBeenCalledOnce();
    isConnected.mockReturnValue(false);
    vi.advanceTimersByTime(500);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
