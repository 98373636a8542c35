// Envelopes: what kcat -J prints is read as it is, what we write is read back, and nothing makes the reader
// throw.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeadLetter, SourceRecord } from '../../src/contract.ts';
import {
  badLine,
  formatEnvelope,
  formatLetter,
  isLetter,
  parseEnvelope,
  placeLine,
} from '../../src/streams/envelope.ts';
import { recordOf } from '../support/records.ts';

const where = { file: 'clicks.jsonl', line: 7 };
const parse = (line: string | Buffer): SourceRecord | DeadLetter => parseEnvelope(Buffer.from(line), where);
/** The way a source goes: first its place, the content later. */
const place = (line: string | Buffer): SourceRecord | DeadLetter => {
  const item = placeLine(Buffer.from(line), where);
  return isLetter(item) ? item : item.open();
};

const kcat =
  '{"topic":"clicks","partition":2,"offset":17,"tstype":"create","ts":1740960020504,"broker":1,' +
  '"headers":["trace","a1","trace","b2"],"key":"s1","payload":"{\\"type\\":\\"click\\"}"}';

test('reads what kcat -J prints', () => {
  const expected: SourceRecord = {
    topic: 'clicks',
    partition: 2,
    offset: 17,
    timestampMs: 1740960020504,
    key: 's1',
    value: '{"type":"click"}',
    headers: [
      ['trace', 'a1'],
      ['trace', 'b2'],
    ],
  };
  expect(parse(kcat)).toEqual(expected);
  expect(place(kcat)).toEqual(expected);
});

test('a tombstone, a missing key, bytes, a header without a value, any order of keys', () => {
  expect(parse('{"topic":"t","partition":0,"offset":0,"ts":0,"payload":null}')).toEqual(
    recordOf(0, 0, 0, { topic: 't', value: null }),
  );
  const odd =
    '{"payload_b64":"/wA=","ts":5,"key_b64":"AQ==","offset":3,' +
    '"topic":"t","partition":1,"headers":["a",null]}';
  expect(place(odd)).toEqual(
    recordOf(1, 3, 5, {
      topic: 't',
      key: Buffer.from([1]),
      value: Buffer.from([255, 0]),
      headers: [['a', '']],
    }),
  );
});

describe('a line that is no envelope', () => {
  const fields = { topic: 't', partition: 0, offset: 0, ts: 0, key: null, payload: 'x' };
  const cases: [string, string | Record<string, unknown>][] = [
    ['not JSON', '{"topic":'],
    ['expected an object, got array', '[]'],
    ['expected an object, got null', 'null'],
    ['topic: expected a name, got missing', { topic: undefined }],
    ['topic: expected a name, got string', { topic: '' }],
    ['offset 0: partition: expected a whole number >= 0, got string', { partition: '0' }],
    ['offset: expected a whole number >= 0, got another number', { offset: 1.5 }],
    ['offset: expected a whole number >= 0, got another number', { offset: 2 ** 53 }],
    ['ts: expected a whole number >= 0, got a negative number', { ts: -1 }],
    ['ts: expected a whole number >= 0, got null', { ts: null }],
    ['key: expected a string or null, got number', { key: 7 }],
    ['payload: expected a string or null, got object', { payload: { type: 'click' } }],
    ['payload: missing', { payload: undefined }],
    ['payload_b64: expected base64, got another string', { payload: undefined, payload_b64: 'a_b=' }],
    ['payload_b64: expected base64, got null', { payload: undefined, payload_b64: null }],
    ['payload_b64: given beside the same as text', { payload_b64: 'eA==' }],
    ['headers: expected a flat list of names and values, got object', { headers: { a: 'b' } }],
    ['headers: expected a flat list of names and values, got array', { headers: ['a'] }],
    ['headers[0]: expected a string, got null', { headers: [null, 'b'] }],
  ];
  test.each(cases)('%s', (detail, change) => {
    const line = typeof change === 'string' ? change : JSON.stringify({ ...fields, ...change });
    const letter = parse(line) as DeadLetter;
    expect(letter).toMatchObject({ reason: 'malformed', record: { value: line, offset: -1 } });
    expect(letter.detail).toMatch(/^clicks\.jsonl line 7: /);
    expect(letter.detail.endsWith(detail)).toBe(true);
  });

  test('has coordinates as far as it tells them, but no place in the order', () => {
    const letter = parse('{"topic":"t","partition":3,"offset":9,"ts":-1,"payload":"x"}') as DeadLetter;
    expect(letter.record).toMatchObject({ topic: 't', partition: 3, offset: -1, timestampMs: -1 });
    expect(letter.detail).toContain('offset 9: ts:');
  });

  test('keeps bytes that are no text', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe]);
    expect((parse(bytes) as DeadLetter).record.value).toEqual(bytes);
    expect(formatLetter(parse(bytes) as DeadLetter)).toContain('"payload_b64":"e//+"');
  });
});

describe('a placed line', () => {
  test('tells its place without reading the content', () => {
    const item = placeLine(Buffer.from(kcat.replace('"s1"', 'not JSON any more')), where);
    expect(item).toMatchObject({ topic: 'clicks', partition: 2, offset: 17, timestampMs: 1740960020504 });
    // Its offset has its turn, so the letter takes it.
    expect(place(kcat.replace('"s1"', 'not JSON any more'))).toMatchObject({
      reason: 'malformed',
      record: { topic: 'clicks', partition: 2, offset: 17, timestampMs: 1740960020504, key: null },
    });
  });

  test('that tells its place twice is no record', () => {
    const twice = kcat.replace('"broker":1', '"offset":18');
    expect(place(twice)).toMatchObject({ reason: 'malformed', record: { offset: 17, value: twice } });
    expect((place(twice) as DeadLetter).detail).toContain('twice');
  });
});

const content = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const record: fc.Arbitrary<SourceRecord> = fc.record({
  topic: fc.stringMatching(/^[\w.-]{1,20}$/),
  partition: fc.nat(),
  offset: fc.nat(),
  timestampMs: fc.nat({ max: 2 ** 42 }),
  key: content,
  value: content,
  headers: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }),
});

test('what is written is read back, all of it', () => {
  fc.assert(
    fc.property(record, (original) => {
      expect(parse(formatEnvelope(original))).toEqual(original);
      expect(place(formatEnvelope(original))).toEqual(original);
      const letter: DeadLetter = { record: original, reason: 'too-large', detail: 'much' };
      expect(JSON.parse(formatLetter(letter))).toMatchObject({ reason: 'too-large', detail: 'much' });
      // A dead letter can be replayed.
      expect(parse(formatLetter(letter))).toEqual(original);
    }),
  );
});

test('no bytes make the reader throw, and every line is a record or a letter that keeps it', () => {
  const line = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json().map((json) => Buffer.from(json)),
    fc.tuple(record, fc.nat(), fc.nat(255)).map(([original, at, byte]) => {
      const bytes = Buffer.from(formatEnvelope(original));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(line, (bytes) => {
      for (const read of [parse(bytes), place(bytes)])
        if (isLetter(read)) expect(Buffer.from(read.record.value!)).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

test('a cut-off line says what it says', () => {
  expect(badLine(Buffer.from('{"top'), where, '99 bytes', undefined, 'too-large')).toEqual({
    record: { ...recordOf(-1, -1, -1), topic: '', value: '{"top' },
    reason: 'too-large',
    detail: 'clicks.jsonl line 7: 99 bytes',
  });
});
