// A message of kafkajs reads as the line of its recording would: text where it is UTF-8, bytes where not.
import { expect, test } from 'vitest';
import { type Message, messageBytes, PlacedMessage } from '../../src/streams/message.ts';

const message: Message = {
  offset: '7',
  timestamp: '1000',
  key: Buffer.from('schön'),
  value: Buffer.from([0xff, 0xfe]),
  headers: { a: Buffer.from('1'), b: [Buffer.from('2'), '3'], c: undefined },
};

test('its place, its content and its headers', () => {
  const placed = new PlacedMessage('clicks', 2, message, 100);
  expect(placed).toMatchObject({ topic: 'clicks', partition: 2, offset: 7, timestampMs: 1000 });
  expect(placed.open()).toEqual({
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
  const bytes = messageBytes(message);
  expect(bytes).toBe(8);
  expect(new PlacedMessage('clicks', 0, message, bytes).open()).not.toHaveProperty('reason');
  expect(new PlacedMessage('clicks', 0, message, bytes - 1).open()).toMatchObject({
    reason: 'too-large',
    detail: '8 bytes, records.bytes_max is 7',
    record: { value: message.value },
  });
});

test('a tombstone has no value', () => {
  expect(new PlacedMessage('clicks', 0, { ...message, value: null, key: null }, 0).open()).toMatchObject({
    key: null,
    value: null,
  });
});
