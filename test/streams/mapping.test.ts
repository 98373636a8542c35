// Invariants 1 and 2 of mapping.ts (promises 9 and 12), what each part of a mapping does, that `native`
// written as a mapping decodes as the hand-written decoder does, and the preset `ubi` on records of its
// schema 1.3.0.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../src/config.ts';
import type { DeadLetter, SourceRecord } from '../../src/contract.ts';
import { type Decoded, decode, isEvent, openDecoder } from '../../src/streams/decode.ts';
import { recordOf } from '../support/records.ts';

const common = {
  time: { path: '$.ts', format: 'ms' },
  impression_id: '$.impression_id',
  session_id: '$.session_id',
  user_id: '$.user_id',
};
const results = {
  document_id: '$.results[*].doc_id',
  position: '$.results[*].position',
  title: '$.results[*].title',
  summary: '$.results[*].summary',
};
/** The format `native`, as data. */
const nativeMapping = {
  impression: { ...common, when: { path: '$.type', is: ['impression'] }, query: '$.query', results },
  click: {
    ...common,
    when: { path: '$.type', is: ['click'] },
    document_id: '$.doc_id',
    dwell: { path: '$.dwell_ms', unit: 'ms' },
  },
};

const configOf = (mapping: object): Config => parseConfig({ events: { preset: 'own', mapping } });
const payloadOf = (value: unknown): SourceRecord['value'] =>
  typeof value === 'string' || value instanceof Uint8Array || value === null ? value : JSON.stringify(value);
const decoderOf = (config: Config) => {
  const decoder = openDecoder(config);
  return (value: unknown): Decoded => decoder(recordOf(0, 0, 0, { value: payloadOf(value) }));
};
const by = (mapping: object) => decoderOf(configOf(mapping));
const detailOf = (decoded: Decoded): string => (decoded as DeadLetter).detail;

const impression = {
  type: 'impression',
  ...{ ts: 1740960020504, impression_id: 'i1', session_id: 's1', user_id: 'u1', query: 'red shoes' },
  results: [
    { position: 2, doc_id: 'b', title: 'B', summary: '' },
    { position: 1, doc_id: 'a', title: 'A', summary: 'first' },
  ],
};
const click = {
  type: 'click',
  ...{ ts: 1740960020504, impression_id: 'i1', session_id: 's1', user_id: 'u1' },
  ...{ doc_id: 'b', dwell_ms: 1500.5 },
};

describe('native as a mapping', () => {
  const mapped = by(nativeMapping);
  test.each([
    impression,
    click,
    { ...click, dwell_ms: null },
    { ...click, dwell_ms: undefined },
    { ...impression, results: [] },
    '{',
    null,
    '[]',
    Buffer.from([0xff]),
  ])('decodes as native: %j', (value) => {
    expect(mapped(value)).toEqual(decode(recordOf(0, 0, 0, { value: payloadOf(value) })));
  });

  const string = 'expected a string with something in it, got';
  test.each([
    [{ ...click, type: 'purchase' }, 'value: of no kind that events.mapping names'],
    [{ ...click, ts: 'soon' }, '$.ts: expected whole milliseconds since the epoch, got another string'],
    [{ ...click, ts: {} }, '$.ts: expected whole milliseconds since the epoch, got object'],
    [{ ...click, impression_id: '' }, `$.impression_id: ${string} an empty one`],
    [{ ...click, doc_id: 1.5 }, `$.doc_id: ${string} number`],
    [{ ...click, dwell_ms: 'x' }, '$.dwell_ms: expected a number >= 0 or null, got string'],
    [{ ...impression, query: 7 }, '$.query: expected a string, got number'],
    [{ ...impression, results: 7 }, '$.results: expected an array, got number'],
    [{ ...impression, results: [{ position: 1 }] }, `$.results[0].doc_id: ${string} missing`],
    [
      { ...impression, results: [impression.results[0], { ...impression.results[1], title: 1 }] },
      '$.results[1].title: expected a string, got number',
    ],
    [
      { ...impression, results: [{ ...impression.results[0], position: 0 }] },
      '$.results[0].position: expected a whole number >= 1, got a number out of range',
    ],
    [
      { ...impression, results: [impression.results[0], impression.results[0]] },
      '$.results: expected distinct positions, got one twice',
    ],
  ])('%j', (value, detail) => expect(detailOf(mapped(value))).toBe(detail));

  test('a whole number is an identifier too, and a missing summary is empty', () => {
    expect(mapped({ ...click, doc_id: 7, session_id: 8 })).toMatchObject({ documentId: '7', sessionId: '8' });
    const result = { position: 1, doc_id: 3, title: 'A' };
    expect(mapped({ ...impression, results: [result] })).toMatchObject({
      results: [{ documentId: '3', title: 'A', summary: '' }],
    });
  });
});

describe('parts of a mapping', () => {
  const clicksIn = (change: object) => by({ ...nativeMapping, click: { ...nativeMapping.click, ...change } });

  test('others: ignored where the mapping says so', () => {
    const other = { type: 'purchase' };
    expect(by({ ...nativeMapping, others: 'ignore' })(other)).toBeNull();
    expect(by({ ...nativeMapping, others: 'ignore' })('{')).toMatchObject({ detail: 'value: not JSON' });
    expect(by({ ...nativeMapping, others: 'dead_letter' })(other)).toMatchObject({ reason: 'malformed' });
  });

  test('when: one of several values, or anything but null', () => {
    const several = clicksIn({ when: { path: '$.type', is: ['tap', 3, true] } });
    for (const type of ['tap', 3, true]) expect(several({ ...click, type })).toMatchObject({ kind: 'click' });
    for (const type of ['click', '3', false]) expect(several({ ...click, type })).not.toHaveProperty('kind');
    const there = clicksIn({ when: { path: '$.doc_id' } });
    expect(there({ ...click, type: 'x' })).toMatchObject({ kind: 'click' });
    expect(there({ ...click, type: 'x', doc_id: null })).not.toHaveProperty('kind');
  });

  test('the first kind that fits wins', () => {
    const both = clicksIn({ when: { path: '$.type' } });
    expect(both(impression)).toMatchObject({ kind: 'impression' });
  });

  test('times and dwells in their units', () => {
    const seconds = clicksIn({
      time: { path: '$.at', format: 's' },
      dwell: { path: '$.page.dwell', unit: 's' },
    });
    expect(seconds({ ...click, at: 1.5, page: { dwell: 0.25 } })).toMatchObject({
      timeMs: 1500,
      dwellMs: 250,
    });
    expect(seconds({ ...click, at: 1.5 })).toMatchObject({ dwellMs: null });
    const unknown = clicksIn({ dwell: null });
    expect(unknown(click)).toMatchObject({ dwellMs: null });
  });

  test('results without positions are in the order shown', () => {
    const mapped = by({
      ...nativeMapping,
      impression: { ...nativeMapping.impression, results: { ...results, position: null } },
    });
    expect(mapped(impression)).toMatchObject({
      results: [
        { position: 1, documentId: 'b' },
        { position: 2, documentId: 'a' },
      ],
    });
  });
});

describe('the preset ubi', () => {
  const ubi = decoderOf(parseConfig({ events: { preset: 'ubi' } }));
  const query = {
    ...{ application: 'shop', query_id: '00112233-4455-6677-8899-aabbccddeeff', client_id: 'client-1' },
    ...{ user_query: 'red shoes', query_attributes: { page: 1 }, object_id_field: 'sku' },
    ...{ timestamp: '2018-11-13T20:20:39Z', query_response_id: 'r1' },
    query_response_hit_ids: ['B07XLFYN6S', 'B013UFPODY'],
  };
  const event = {
    ...{ application: 'shop', action_name: 'click', query_id: query.query_id, session_id: 'session-1' },
    ...{ client_id: 'client-1', timestamp: '2018-11-13T20:20:49.500+00:00', message_type: 'INTERACTION' },
    event_attributes: { object: { object_id: 'B013UFPODY' }, position: { ordinal: 2 } },
  };
  const who = { impressionId: query.query_id, sessionId: 'client-1', userId: 'client-1' };

  test('a query with its hits is an impression of documents by id', () => {
    expect(ubi(query)).toEqual({
      kind: 'impression',
      ...who,
      timeMs: 1542140439000,
      query: 'red shoes',
      results: [
        { position: 1, documentId: 'B07XLFYN6S' },
        { position: 2, documentId: 'B013UFPODY' },
      ],
    });
  });

  test.each(['click', 'click_through'])('%s is a click', (action_name) => {
    expect(ubi({ ...event, action_name })).toEqual({
      kind: 'click',
      ...who,
      ...{ timeMs: 1542140449500, documentId: 'B013UFPODY', dwellMs: null },
    });
  });

  test('an object id may be a whole number, a time milliseconds as the index stores it', () => {
    const attributes = { object: { object_id: 123 } };
    expect(ubi({ ...event, timestamp: 1542140449500, event_attributes: attributes })).toMatchObject({
      documentId: '123',
      timeMs: 1542140449500,
    });
  });

  test('other actions and queries without hits are ignored', () => {
    for (const action_name of ['impression', 'add_to_cart', 'purchase', 'view'])
      expect(ubi({ ...event, action_name })).toBeNull();
    expect(ubi({ ...query, query_response_hit_ids: null })).toBeNull();
    expect(ubi({ ...query, query_response_hit_ids: [] })).toMatchObject({ results: [] });
  });

  test('a document', () => {
    const document = { object_id: 'B013UFPODY', title: 'Red shoe', summary: 'Leather' };
    expect(ubi(document)).toEqual({
      kind: 'document',
      ...{ documentId: 'B013UFPODY', title: 'Red shoe', summary: 'Leather' },
    });
    expect(ubi({ object_id: 1, title: 'A' })).toMatchObject({ documentId: '1', summary: '' });
  });

  test('what the schema does not demand and restill does', () => {
    const string = 'expected a string with something in it, got missing';
    expect(detailOf(ubi({ ...event, client_id: undefined }))).toBe(`$.client_id: ${string}`);
    expect(detailOf(ubi({ ...event, event_attributes: {} }))).toBe(
      `$.event_attributes.object.object_id: ${string}`,
    );
    expect(detailOf(ubi({ ...query, timestamp: 'today' }))).toBe(
      '$.timestamp: expected an ISO 8601 date and time, or whole milliseconds since the epoch, ' +
        'got another string',
    );
  });

  test('1 and 2: no value makes a mapping throw, and no letter quotes what it holds', () => {
    const secret = 'geheim';
    const anything = fc.anything({
      maxDepth: 3,
      values: [fc.constant(secret), fc.integer(), fc.constant(null)],
    });
    const field = fc.constantFrom(...Object.keys({ ...query, ...event, title: '', object_id: '', type: '' }));
    const value = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: 'binary' }),
      anything,
      fc
        .tuple(fc.constantFrom(query, event, impression, click), fc.array(fc.tuple(field, anything)))
        .map(([base, changes]) => ({ ...base, ...Object.fromEntries(changes) })),
      anything.map((hit) => ({ ...query, query_response_hit_ids: [hit] })),
      anything.map((result) => ({ ...impression, results: [impression.results[0], result] })),
    );
    const native = by(nativeMapping);
    fc.assert(
      fc.property(value, fc.boolean(), (content, isUbi) => {
        const decoded = (isUbi ? ubi : native)(payloadOf(content) ?? '');
        if (decoded === null) expect(isUbi).toBe(true);
        else if (!isEvent(decoded)) expect(decoded.detail).not.toContain(secret);
        else if ('timeMs' in decoded) expect(decoded.timeMs).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1_000 },
    );
  });
});
