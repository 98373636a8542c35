// A checksum is of the bytes: text counts as its UTF-8, so that a record has the same one as it comes from
// the broker and out of a recording, and a journal made from the one can be gone on with from the other.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksumOf, contentChecksum } from '../../src/streams/checksum.ts';
import { badLine, formatEnvelope, placeLine } from '../../src/streams/envelope.ts';
import { FetchedMessages } from '../../src/streams/message.ts';
import { recordOf } from '../support/records.ts';

/** Halves of surrogate pairs too: JSON can say them. As UTF-8 they are U+FFFD. */
const text = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 9 })
  .map((units) => String.fromCharCode(...units));
/** Mostly no UTF-8. */
const bytes = fc.uint8Array({ maxLength: 9 });
const where = { file: 'f', line: 1 };

test('it is pinned: another one would orphan every journal', () => {
  expect(contentChecksum('ab', null)).toBe(crc32(Buffer.from('ab\0')));
  expect(contentChecksum('ab', 'c')).toBe(crc32(Buffer.from('ab\0c')));
  expect(contentChecksum(null, '')).toBe(0xd202ef8d);
  expect(contentChecksum('a', 'b')).not.toBe(contentChecksum('ab', ''));
});

test('no bytes are none, wherever they lie', () => {
  for (const none of ['', null, Buffer.alloc(0), structuredClone(new Uint8Array(0))])
    expect(contentChecksum('key', none)).toBe(crc32('key\0'));
});

test('text has the one of its UTF-8', () => {
  fc.assert(
    fc.property(text, text, (key, value) => {
      expect(contentChecksum(key, value)).toBe(contentChecksum(Buffer.from(key), Buffer.from(value)));
    }),
  );
});

test('a message has the one of its line in a recording, whatever its bytes are', () => {
  const content = fc.option(
    fc.oneof(
      text.map((one) => Buffer.from(one)),
      bytes.map((one) => Buffer.from(one)),
    ),
  );
  fc.assert(
    fc.property(content, content, (key, value) => {
      const messages = [{ offset: '3', timestamp: '7', key, value }];
      const message = new FetchedMessages('clicks', 0, messages, 100).at(0)!;
      const opened = message.open();
      if ('reason' in opened) throw new Error(opened.detail);
      const line = placeLine(Buffer.from(formatEnvelope(opened)), where);
      if ('reason' in line) throw new Error(line.detail);
      expect(line.checksum()).toBe(message.checksum());
      expect(checksumOf(opened)).toBe(message.checksum());
    }),
  );
});

test('a letter has the one of what it holds', () => {
  const line = Buffer.from('{"topic":');
  expect(checksumOf(badLine(line, where, 'not JSON'))).toBe(
    checksumOf(recordOf(0, 0, 0, { key: null, value: line })),
  );
});
