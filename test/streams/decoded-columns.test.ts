// The invariant of decoded-columns.ts: what comes out on the other side is where the records stood, what
// the decoder says of each, batch by batch; and the checksum of the last one of each partition, which alone
// is asked for.
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { withOwnBytes } from '../../src/streams/columns.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { DecodedPacking, DecodedUnpacking } from '../../src/streams/decoded-columns.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import { FetchedMessages, type PlacedMessage } from '../../src/streams/message.ts';
import type { Place } from '../../src/streams/ports.ts';
import { partitionKey } from '../../src/streams/watermark.ts';
import { recordOf, topicOf } from '../support/records.ts';

const config = parseConfig({
  topic: 'clicks',
  topics: { documents: 'docs' },
  records: { bytes_max: '1KiB' },
});
const decode = openDecoder(config);

/** As the broker brings it. */
function messageOf({ topic, partition, offset, timestampMs, key, value }: ReturnType<typeof recordOf>) {
  const bytes = (content: typeof value): Buffer | null =>
    content === null ? null : Buffer.from(content as string);
  const message = { offset: `${offset}`, timestamp: `${timestampMs}`, key: bytes(key), value: bytes(value) };
  return new FetchedMessages(topic, partition, [message], config.records.bytesMax).at(0)!;
}

function expected(message: PlacedMessage) {
  const { topic, partition, offset, timestampMs } = message;
  const opened = message.open();
  const decoded = isLetter(opened) ? opened : decode(opened);
  const letter = decoded !== null && isLetter(decoded);
  return { topic, partition, offset, timestampMs, decoded: letter ? withOwnBytes(decoded) : decoded };
}

/** Of the last ones of a batch, by `topic/partition`. */
function checksums(batch: readonly (Place & { checksum(): number })[]): Map<string, number> {
  const newest = new Map(batch.map((one) => [partitionKey(one), one]));
  return new Map([...newest].map(([key, one]) => [key, one.checksum()]));
}

const odd = [
  recordOf(0, 1_000, 0, { value: null }),
  recordOf(0, 1_001, 0, { value: 'x'.repeat(2_000) }),
  recordOf(0, 1_002, 0, { value: new Uint8Array([0xff, 0xfe]) }),
  recordOf(0, 0, 0, { topic: 'docs', key: 'a', value: '{"title":"A","summary":""}' }),
  recordOf(0, 1, 0, { topic: 'docs', key: 'a', value: null }),
  recordOf(0, 2, 0, { topic: 'docs', key: '', value: '{}' }),
  recordOf(0, 1_003, 0, { value: '' }),
];

test('every record comes in its place, with what it says, whatever that is', () => {
  const packing = new DecodedPacking(decode, 3);
  const unpacking = new DecodedUnpacking();
  for (const batch of [topicOf(40), odd, [], topicOf(20)]) {
    const messages = batch.map(messageOf);
    const read = unpacking.unpack(structuredClone(packing.pack(messages)));
    expect(read.map((record) => ({ ...record }))).toEqual(messages.map(expected).map(asCloned));
    expect(checksums(read)).toEqual(checksums(messages));
  }
});

test('no other checksum is known', () => {
  const messages = topicOf(3)
    .map(messageOf)
    .filter(({ partition }) => partition === 0);
  const read = new DecodedUnpacking().unpack(new DecodedPacking(decode, 3).pack(messages));
  expect(() => read[0]!.checksum()).toThrow(expect.objectContaining({ code: 'BUG' }));
});

/** Bytes lose that they are a Buffer. */
const asCloned = <T>(value: T): T => structuredClone(value);

test('a letter takes its own bytes along, not the response that they came in', () => {
  const response = Buffer.alloc(1 << 16, 0xff);
  const messages = [0, 1].map((at) => ({
    ...{ offset: `${at}`, timestamp: '0', key: null },
    value: response.subarray(at * 10, at * 10 + 10),
  }));
  const batch = new FetchedMessages('clicks', 0, messages, 100);
  const { said } = new DecodedPacking(decode, 3).pack([batch.at(0)!, batch.at(1)!]);
  for (const letter of said.others) {
    if (letter === null || !isLetter(letter)) throw new Error('expected letters');
    expect((letter.record.value as Uint8Array).buffer.byteLength).toBe(10);
  }
});
