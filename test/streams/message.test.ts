// A message of kafkajs reads as the line of its recording would: text where it is UTF-8, bytes where not.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import { content, FetchedMessages, type Message, type PlacedMessage } from '../../src/streams/message.ts';

const message: Message = {
  offset: '7',
  timestamp: '1000',
  key: Buffer.from('schön'),
  value: Buffer.from([0xff, 0xfe]),
  headers: { a: Buffer.from('1'), b: [Buffer.from('2'), '3'], c: undefined },
};

const placedOf = (one: Message, bytesMax: number): PlacedMessage =>
  new FetchedMessages('clicks', 2, [one], bytesMax).at(0)!;

/** What it holds is made when it is asked for. */
function opened(placed: PlacedMessage): SourceRecord {
  const read = placed.open();
  const { topic, partition, offset, timestampMs, key, value, headers } = isLetter(read) ? read.record : read;
  return { topic, partition, offset, timestampMs, key, value, headers };
}

test('its place, its content and its headers', () => {
  expect(opened(placedOf(message, 100))).toEqual({
    ...{ topic: 'clicks', partition: 2, offset: 7, timestampMs: 1000 },
    key: 'schön',
    value: Buffer.from([0xff, 0xfe]),
    headers: [
      ['a', '1'],
      ['b', '2'],
      ['b', '3'],
      ['c', ''],
    ],
  });
});

test('one that is too large is a letter with all of it', () => {
  const { bytes } = new FetchedMessages('clicks', 2, [message], 100);
  expect(bytes).toBe(8);
  expect(isLetter(placedOf(message, bytes).open())).toBe(false);
  const letter = placedOf(message, bytes - 1);
  expect(letter.open()).toHaveProperty('reason', 'too-large');
  expect(letter.open()).toHaveProperty('detail', '8 bytes, records.bytes_max is 7');
  expect(opened(letter)).toEqual(opened(placedOf(message, bytes)));
});

test('a tombstone has no value', () => {
  const tombstone = { ...message, value: null, key: null };
  expect(opened(placedOf(tombstone, 0))).toMatchObject({ key: null, value: null });
});

describe('messages that came together', () => {
  const contents = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: null });
  const header = fc.option(fc.string({ maxLength: 3 }), { nil: undefined });
  const some = fc.array(fc.tuple(contents, contents, header), { maxLength: 8 });

  /** As in a response: all in one piece of memory; else as decompression may leave them. */
  const slices = (of: readonly (Uint8Array | null)[], inOne: boolean): (Buffer | null)[] => {
    const response = Buffer.concat(of.map((one) => one ?? Buffer.alloc(0)));
    let at = 0;
    return of.map((one) => {
      if (one === null) return null;
      at += one.length;
      return inOne ? response.subarray(at - one.length, at) : Buffer.from(Uint8Array.from(one).buffer);
    });
  };

  test('are the ones that came, each at its place', () => {
    fc.assert(
      fc.property(some, fc.boolean(), (given, inOne) => {
        const bytes = slices(
          given.flatMap(([key, value]) => [key, value]),
          inOne,
        );
        const messages = given.map(([, , name], index) => ({
          ...{ offset: `${3 * index}`, timestamp: `${1000 + index}` },
          ...{ key: bytes[2 * index]!, value: bytes[2 * index + 1]! },
          headers: name === undefined ? {} : { name },
        }));
        const batch = new FetchedMessages('clicks', 1, messages, 1_000);
        expect(batch.length).toBe(given.length);
        expect(batch.bytes).toBe(bytes.reduce((sum, one) => sum + (one?.length ?? 0), 0));
        for (const [index, [key, value, name]] of given.entries())
          expect(opened(batch.at(index)!)).toEqual({
            ...{ topic: 'clicks', partition: 1, offset: 3 * index, timestampMs: 1000 + index },
            key: content(key && Buffer.from(key)),
            value: content(value && Buffer.from(value)),
            headers: name === undefined ? [] : [['name', name]],
          });
        expect(batch.at(given.length)).toBeUndefined();
      }),
    );
  });
});
