// Invariants 1 to 3 of consuming.ts and remote-lists.ts, both sides over a real port: what the source yields
// comes out in its order, with what came before a break before it; nothing is read that is not wanted; who
// waits hears of it when the topic is closed or the other side is lost.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { RestillError } from '../../src/errors.ts';
import {
  type Consumer,
  type FromConsumer,
  serveConsuming,
  type Telling,
} from '../../src/streams/consuming.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { DecodedPacking } from '../../src/streams/decoded-columns.ts';
import type { LiveNotice, LivePartition } from '../../src/streams/live.ts';
import type { PlacedRecord } from '../../src/streams/ports.ts';
import { RemoteTopic } from '../../src/streams/remote-topic.ts';
import { placed, recordOf, topicOf } from '../support/records.ts';
import { type VirtualTimer, virtualTimer } from '../support/virtual-timer.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

type Read = readonly PlacedRecord[] | null | RestillError;

interface Scripted extends Consumer {
  reads: number;
  closes: number;
  readonly acknowledged: unknown[];
  again: number;
  partitionsNow: LivePartition[];
}

/** Yields what it is given, then waits until it is closed. */
function scripted(reads: readonly Read[]): Scripted {
  let end: (value: null) => void = () => {};
  const script: Scripted = {
    ...{ reads: 0, closes: 0, acknowledged: [], again: 0, partitionsNow: [] },
    source: {
      ...{ kind: 'live', inputs: 1, close: () => Promise.resolve() },
      read: () => {
        const read = reads[script.reads++];
        if (read === undefined)
          return new Promise((resolve) => {
            end = resolve;
          });
        return read instanceof RestillError ? Promise.reject(read) : Promise.resolve(read && [...read]);
      },
      progress: () => ({ bytesRead: script.reads, bytesTotal: 9 }),
      acknowledge: (offsets) => void script.acknowledged.push(offsets),
      partitions: () => script.partitionsNow,
      takeUpAgain: () => void script.again++,
    },
    close: () => {
      script.closes++;
      end(null);
      return Promise.resolve();
    },
  };
  return script;
}

interface Conversation {
  readonly topic: RemoteTopic;
  readonly timer: VirtualTimer;
  readonly told: { readonly notices: LiveNotice[]; readonly notes: string[] };
  readonly served: Promise<void>;
}

function converse(open: (telling: Telling) => Promise<Consumer>): Conversation {
  const { port1: here, port2: there } = new MessageChannel();
  ports.push(here, there);
  const timer = virtualTimer();
  const config = parseConfig({ topic: 'clicks' });
  const packing = new DecodedPacking(openDecoder(config), 10);
  const served = serveConsuming({ port: there, packing, timer, open });
  const told: Conversation['told'] = { notices: [], notes: [] };
  const topic = new RemoteTopic((message) => here.postMessage(message), {
    notice: (notice) => void told.notices.push(notice),
    note: (message) => void told.notes.push(message),
  });
  here.on('message', (message: FromConsumer) => topic.take(message));
  return { topic, timer, told, served };
}

/** Until a message that was sent before has been heard, both ways. */
const exchange = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const offsetsOf = (records: readonly { readonly offset: number }[] | null): unknown =>
  records?.map(({ offset }) => offset) ?? null;
const some = (...offsets: number[]): PlacedRecord[] =>
  offsets.map((offset) => placed(recordOf(0, offset, 0)));
const gone = new RestillError('KAFKA_UNREACHABLE', 'gone', { cause: new Error('why') });

describe('1: what the source yields comes in its order', () => {
  test('records, empty lists and the end', async () => {
    const all = topicOf(20).map(placed);
    const { topic } = converse(() => Promise.resolve(scripted([all.slice(0, 7), [], all.slice(7), null])));
    await topic.open();
    const read = [await topic.read(), await topic.read(), await topic.read(), await topic.read()];
    expect(read.map((list) => list?.length)).toEqual([7, 0, all.length - 7, undefined]);
    expect(offsetsOf(read.flatMap((list) => list ?? []))).toEqual(offsetsOf(all));
    expect(await topic.read()).toBeNull();
  });

  test('an error, by its name and with its cause, after what came before it', async () => {
    const { topic } = converse(() => Promise.resolve(scripted([some(0), some(1), gone])));
    await topic.open();
    expect(offsetsOf(await topic.read())).toEqual([0]);
    expect(offsetsOf(await topic.read())).toEqual([1]);
    for (let again = 0; again < 2; again++)
      await expect(topic.read()).rejects.toMatchObject({ code: gone.code, cause: { message: 'why' } });
  });

  test('an error in opening', async () => {
    const { topic, served } = converse(() => Promise.reject(gone));
    await expect(topic.open()).rejects.toMatchObject({ code: gone.code, message: 'gone' });
    await topic.close();
    await served;
  });

  test('a mistake of ours is none of the source’s errors', async () => {
    const { served } = converse(() => Promise.reject(new TypeError('no such thing')));
    await expect(served).rejects.toThrow('no such thing');
  });
});

test('2: three lists are read ahead, and one more for each that is taken', async () => {
  const source = scripted([some(0), some(1), some(2), some(3), some(4)]);
  const { topic } = converse(() => Promise.resolve(source));
  await topic.open();
  await exchange();
  expect(source.reads).toBe(3);
  expect(offsetsOf(await topic.read())).toEqual([0]);
  await exchange();
  expect(source.reads).toBe(4);
});

describe('3: who waits hears of it', () => {
  test('that the topic is closed, and who closes it, when it is', async () => {
    const source = scripted([some(0)]);
    const { topic, served, timer } = converse(() => Promise.resolve(source));
    await topic.open();
    await topic.read();
    const reading = topic.read();
    await Promise.all([topic.close(), topic.close()]);
    expect(await reading).toBeNull();
    expect(source.closes).toBe(1);
    await served;
    timer.advance(10_000);
    expect(timer.waiting).toBe(0);
  });

  test('that the other side is lost, whether it opens, reads or closes', async () => {
    const lost = new RestillError('BUG', 'the thread died');
    const telling = { notice: () => {}, note: () => {} };
    const unopened = new RemoteTopic(() => {}, telling);
    const opening = unopened.open();
    unopened.lose(lost);
    await expect(opening).rejects.toBe(lost);
    const { topic } = converse(() => Promise.resolve(scripted([some(0)])));
    await topic.open();
    await exchange();
    topic.lose(lost);
    expect(offsetsOf(await topic.read())).toEqual([0]);
    await expect(topic.read()).rejects.toBe(lost);
    await topic.close();
  });
});

test('what there is to tell is told: notices, remarks, how far it is while nothing is read', async () => {
  const source = scripted([]);
  const { topic, told, timer } = converse(({ notice, note }) => {
    note('a remark');
    notice({ kind: 'back' });
    return Promise.resolve(source);
  });
  await topic.open();
  expect(told).toEqual({ notices: [{ kind: 'back' }], notes: ['a remark'] });
  await exchange();
  expect(topic.progress()).toEqual({ bytesRead: 0, bytesTotal: 9 });
  expect(topic.partitions()).toEqual([]);
  const partition = { topic: 'clicks', partition: 0, next: 3, high: 7, bytes: 0, paused: true };
  source.partitionsNow = [partition];
  timer.advance(1_000);
  await exchange();
  expect(topic.partitions()).toEqual([partition]);
  expect(topic.progress()).toEqual({ bytesRead: 1, bytesTotal: 9 });
  topic.acknowledge({ 'clicks/0': 3 });
  topic.takeUpAgain();
  await exchange();
  expect(source).toMatchObject({ acknowledged: [{ 'clicks/0': 3 }], again: 1 });
  await topic.close();
});
