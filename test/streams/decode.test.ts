// Invariants 1 to 3 of decode.ts, and the ESCI recording's real malformed payloads (promises 9 and 12).
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeadLetter, Event, SourceRecord } from '../../src/contract.ts';
import { decode, isEvent } from '../../src/streams/decode.ts';
import { recordOf } from '../support/records.ts';
import { sharedFile } from '../support/shared.ts';

const of = (value: SourceRecord['value']): Event | DeadLetter => decode(recordOf(0, 0, 0, { value }));
const detailOf = (value: SourceRecord['value']): string => (of(value) as DeadLetter).detail;

const common = { ts: 1740960020504, impression_id: 'i1', session_id: 's1', user_id: 'u1' };
const results = [
  { position: 1, doc_id: 'a', title: 'A', summary: 'first' },
  { position: 2, doc_id: 'b', title: 'B', summary: '' },
];
const impression = { type: 'impression', ...common, query: 'red shoes', results };
const click = { type: 'click', ...common, query: 'red shoes', doc_id: 'b', position: 2, dwell_ms: 1500.5 };

test('an impression', () => {
  expect(of(JSON.stringify(impression))).toEqual({
    kind: 'impression',
    timeMs: 1740960020504,
    impressionId: 'i1',
    sessionId: 's1',
    userId: 'u1',
    query: 'red shoes',
    results: [
      { position: 1, documentId: 'a', title: 'A', summary: 'first' },
      { position: 2, documentId: 'b', title: 'B', summary: '' },
    ],
  });
});

test('a click, as text and as bytes; without a dwell it is unknown', () => {
  const expected = {
    kind: 'click',
    ...{ timeMs: 1740960020504, impressionId: 'i1', sessionId: 's1', userId: 'u1', documentId: 'b' },
  };
  expect(of(JSON.stringify(click))).toEqual({ ...expected, dwellMs: 1500.5 });
  expect(of(Buffer.from(JSON.stringify(click)))).toEqual({ ...expected, dwellMs: 1500.5 });
  const { dwell_ms: _d, query: _q, position: _p, ...least } = click;
  expect(of(JSON.stringify(least))).toEqual({ ...expected, dwellMs: null });
  expect(of(JSON.stringify({ ...click, dwell_ms: null, more: {} }))).toEqual({ ...expected, dwellMs: null });
});

test('results come in the order shown, whatever order they were sent in', () => {
  const value = JSON.stringify({ ...impression, results: [results[1], results[0]] });
  expect(of(value)).toEqual(of(JSON.stringify(impression)));
});

describe('a letter names field and type', () => {
  const cases: [string, string | Buffer | null][] = [
    ['value: expected a JSON object, got a tombstone', null],
    ['value: expected a JSON object, got bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['value: not JSON', ''],
    ['value: not JSON', '{'],
    ['value: expected an object, got null', 'null'],
    ['value: expected an object, got array', '[]'],
    ['value: expected an object, got string', '"impression"'],
    ['type: expected "impression" or "click", got missing', '{}'],
    ['type: expected "impression" or "click", got another string', '{"type":"purchase"}'],
    ['type: expected "impression" or "click", got number', '{"type":1}'],
  ];
  test.each(cases)('%s', (detail, value) => expect(detailOf(value)).toBe(detail));

  const number = 'expected a whole number >= 0, got';
  const string = 'expected a string with something in it, got';
  test.each([
    [{ ts: undefined }, `ts: ${number} missing`],
    [{ ts: 'soon' }, `ts: ${number} string`],
    [{ ts: -1 }, `ts: ${number} a negative number`],
    [{ ts: 1.5 }, `ts: ${number} a fraction`],
    [{ ts: 1e300 }, `ts: ${number} a number out of range`],
    [{ impression_id: '' }, `impression_id: ${string} an empty one`],
    [{ session_id: 4 }, `session_id: ${string} number`],
    [{ user_id: null }, `user_id: ${string} null`],
    [{ query: 7 }, 'query: expected a string, got number'],
    [{ results: undefined }, 'results: expected an array, got missing'],
    [{ results: {} }, 'results: expected an array, got object'],
    [{ results: [null] }, 'results[0]: expected an object, got null'],
    [{ results: [results[0], []] }, 'results[1]: expected an object, got array'],
    [
      { results: [{ ...results[0], position: 0 }] },
      'results[0].position: expected a whole number >= 1, got a number out of range',
    ],
    [{ results: [{ ...results[0], doc_id: 1 }] }, `results[0].doc_id: ${string} number`],
    [{ results: [{ ...results[0], title: null }] }, 'results[0].title: expected a string, got null'],
    [{ results: [{ ...results[0], summary: [] }] }, 'results[0].summary: expected a string, got array'],
    [{ results: [results[0], results[0]] }, 'results: expected distinct positions, got one twice'],
  ])('impression %o', (change, detail) =>
    expect(detailOf(JSON.stringify({ ...impression, ...change }))).toBe(detail),
  );

  test.each([
    [{ doc_id: undefined }, `doc_id: ${string} missing`],
    [{ query: null }, 'query: expected a string, got null'],
    [{ position: '1' }, 'position: expected a whole number >= 1, got string'],
    [{ dwell_ms: -5 }, 'dwell_ms: expected a number >= 0 or null, got a negative number'],
    [{ dwell_ms: '9' }, 'dwell_ms: expected a number >= 0 or null, got string'],
  ])('click %o', (change, detail) => expect(detailOf(JSON.stringify({ ...click, ...change }))).toBe(detail));
});

test('1 and 2: no value makes it throw, and no letter quotes what it holds', () => {
  const secret = 'geheim';
  const anything = fc.anything({
    maxDepth: 3,
    values: [fc.constant(secret), fc.integer(), fc.constant(null)],
  });
  const field = fc.constantFrom(
    'type',
    'ts',
    'impression_id',
    'user_id',
    'query',
    'results',
    'doc_id',
    'dwell_ms',
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json(),
    anything.map((any) => JSON.stringify(any) ?? ''),
    fc
      .tuple(fc.constantFrom(impression, click), field, anything)
      .map(([event, name, any]) => JSON.stringify({ ...event, [name]: any })),
    fc
      .tuple(fc.nat(1), fc.constantFrom('position', 'doc_id', 'title', 'summary'), anything)
      .map(([at, name, any]) => {
        const changed = results.map((result, index) => (index === at ? { ...result, [name]: any } : result));
        return JSON.stringify({ ...impression, results: changed });
      }),
  );
  fc.assert(
    fc.property(value, (content) => {
      const decoded = of(content);
      if (isEvent(decoded)) expect('timeMs' in decoded && decoded.timeMs).toBeGreaterThanOrEqual(0);
      else {
        expect(decoded.detail).not.toContain(secret);
        expect(decoded.record.value).toBe(content);
      }
    }),
    { numRuns: 1_000 },
  );
});

const file = sharedFile('data/esci/clicks.jsonl.gz');

test.skipIf(file === null)('the malformed payloads of the ESCI recording are told apart', () => {
  const lines = gunzipSync(readFileSync(file!)).toString().split('\n').slice(0, -1);
  const details: Record<string, number> = {};
  for (const line of lines) {
    const decoded = of((JSON.parse(line) as { payload: string }).payload);
    if (!isEvent(decoded)) details[decoded.detail] = (details[decoded.detail] ?? 0) + 1;
  }
  // Counted by a plain script as well: scripts/expected-esci-counts.mjs. Together 48.
  expect(details).toEqual({
    'value: not JSON': 21,
    'value: expected an object, got null': 7,
    'value: expected an object, got array': 7,
    'ts: expected a whole number >= 0, got missing': 7,
    'ts: expected a whole number >= 0, got string': 6,
  });
});
