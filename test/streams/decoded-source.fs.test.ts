// Invariants 1 and 2 of decoded-source.fs.ts, with the real thread: what the source yields, in its order,
// each record with what the decoder says of it; no further ahead than may be. (A thread that dies:
// decoding-client.fs.test.ts.)
import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { decodeAhead } from '../../src/streams/decoded-source.fs.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import type { LiveSource } from '../../src/streams/live.ts';
import { FetchedMessages, type PlacedMessage } from '../../src/streams/message.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import { recordOf, topicOf } from '../support/records.ts';

const config = parseConfig({
  topic: 'clicks',
  topics: { documents: 'docs' },
  records: { bytes_max: '1KiB' },
});

/** As the broker brings it. */
function messageOf({ topic, partition, offset, timestampMs, key, value }: SourceRecord): PlacedMessage {
  const bytes = (content: SourceRecord['value']): Buffer | null =>
    content === null ? null : Buffer.from(content as string);
  const message = { offset: `${offset}`, timestamp: `${timestampMs}`, key: bytes(key), value: bytes(value) };
  return new FetchedMessages(topic, partition, [message], config.records.bytesMax).at(0)!;
}

type Read = SourceItem[] | null | Error;

const closing: LiveSource[] = [];
afterEach(async () => {
  for (const source of closing.splice(0)) await source.close();
});

/** Yields what it is given, then waits for ever. */
function open(reads: Read[]) {
  const told = { reads: 0, closed: 0, acknowledged: 0 };
  const inner: LiveSource = {
    ...{ kind: 'live', inputs: 1, takeUpAgain: () => {}, partitions: () => [] },
    read: () => {
      const read = reads[told.reads++];
      if (read === undefined) return new Promise(() => {});
      return read instanceof Error ? Promise.reject(read) : Promise.resolve(read);
    },
    progress: () => ({ bytesRead: 3, bytesTotal: 4 }),
    acknowledge: () => void told.acknowledged++,
    close: () => Promise.resolve(void told.closed++),
  };
  const source = decodeAhead(inner, config);
  closing.push(source);
  return { source, told };
}

const decode = openDecoder(config);
const expected = (item: SourceItem): unknown => {
  const record = isLetter(item) ? item : item.open();
  return isLetter(record) ? record : decode(record);
};

async function readAll(source: LiveSource): Promise<(SourceItem[] | null)[]> {
  const all: (SourceItem[] | null)[] = [];
  do all.push(await source.read(0));
  while (all.at(-1) !== null);
  return all;
}

test('1: every record comes in its place, with what it says', async () => {
  const odd = [
    recordOf(0, 1_000, 0, { value: null }),
    recordOf(0, 1_001, 0, { value: 'x'.repeat(2_000) }),
    recordOf(0, 1_002, 0, { value: new Uint8Array([0xff, 0xfe]) }),
    recordOf(0, 0, 0, { topic: 'docs', key: 'a', value: '{"title":"A","summary":""}' }),
    recordOf(0, 1, 0, { topic: 'docs', key: 'a', value: null }),
    recordOf(0, 1_003, 0, { value: '' }),
  ];
  const items = [...topicOf(40), ...odd, ...topicOf(20)].map(messageOf);
  const { source } = open([items.slice(0, 30), [], items.slice(30), null]);
  const read = await readAll(source);
  expect(read.flat()).toEqual([...items, null]);
  expect(read.filter((some) => some?.length === 0)).toHaveLength(1);
  expect(read.flatMap((some) => some ?? []).indexOf(items[30]!)).toBe(30);
  for (const item of items) {
    const left = item.topic === 'docs' || item.bytes === null;
    if (left) expect(item.decoded).toBeUndefined();
    else expect(item.decoded).toEqual(expected(item));
  }
});

test('1: what came before an error comes before it', async () => {
  const items = topicOf(5).map(messageOf);
  const { source } = open([items, new Error('gone')]);
  expect(await source.read(0)).toEqual(items);
  await expect(source.read(0)).rejects.toThrow('gone');
});

test('2: pieces are bounded, and so are those ahead', async () => {
  const large = Array.from({ length: 30 }, (_, page) =>
    topicOf(60).map((record) =>
      messageOf({ ...record, value: `${record.value}${' '.repeat(500)}`, partition: page }),
    ),
  );
  const { source, told } = open([...large, null]);
  await source.read(0);
  expect(told.reads).toBeLessThan(10);
  const read = await readAll(source);
  expect(read.flat()).toHaveLength(29 * topicOf(60).length + 1);
});

test('the rest is the source’s own', async () => {
  const { source, told } = open([null]);
  expect(source.progress()).toEqual({ bytesRead: 3, bytesTotal: 4 });
  source.acknowledge({});
  await source.close();
  expect(told).toMatchObject({ acknowledged: 1, closed: 1 });
});
