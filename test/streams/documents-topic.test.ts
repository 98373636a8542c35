// Decoding where documents have a topic of their own: the key is the id, whatever the mapping; a tombstone
// removes; results of `native` may have no texts then, and only then.
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { DeadLetter, SourceRecord } from '../../src/contract.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { recordOf } from '../support/records.ts';

const topics = { documents: 'docs' };
const native = openDecoder(parseConfig({ topics }));
const ubi = openDecoder(parseConfig({ topics, events: { preset: 'ubi' } }));
const doc = (key: SourceRecord['key'], value: SourceRecord['value']): SourceRecord =>
  recordOf(0, 0, 0, { topic: 'docs', key, value });
const detailOf = (decoded: unknown): string => (decoded as DeadLetter).detail;

const ids = { impression_id: 'i', session_id: 's', user_id: 'u' };
const page = (results: object[]): SourceRecord =>
  recordOf(0, 0, 0, { value: JSON.stringify({ type: 'impression', ts: 1, ...ids, query: 'q', results }) });

describe('a document', () => {
  test.each([
    ['native', native, { title: 'T', summary: 'S' }, 'S'],
    ['native, without a summary', native, { title: 'T' }, ''],
    ['native, with the id inside', native, { doc_id: 'd1', title: 'T' }, ''],
    ['ubi', ubi, { object_id: 'd1', title: 'T', summary: 'S' }, 'S'],
  ] as const)('%s', (_, decode, value, summary) => {
    const expected = { kind: 'document', documentId: 'd1', title: 'T', summary };
    expect(decode(doc('d1', JSON.stringify(value)))).toEqual(expected);
  });

  test('a number inside is the same id', () => {
    expect(ubi(doc('7', '{"object_id":7,"title":"T"}'))).toMatchObject({ documentId: '7' });
  });

  test('a tombstone removes it, in this topic only', () => {
    expect(native(doc('d1', null))).toEqual({ kind: 'removal', documentId: 'd1' });
    expect(detailOf(native(recordOf(0, 0, 0, { key: 'd1', value: null })))).toContain('tombstone');
  });

  test.each([
    [null, '{"title":"T"}', 'key: expected a string with something in it, got null'],
    ['', null, 'key: expected a string with something in it, got an empty one'],
    [new Uint8Array([255]), null, 'key: expected a string with something in it, got object'],
    [
      '"d1"',
      '{"doc_id":"d1","title":"T"}',
      "key: expected the document's id, as in $.doc_id, got another string",
    ],
    ['d1', '{"summary":"S"}', '$.title: expected a string, got missing'],
    ['d1', '{"title":"T","summary":1}', '$.summary: expected a string, got number'],
    ['d1', '{', 'value: not JSON'],
  ])('key %j, value %j', (key, value, detail) => expect(detailOf(native(doc(key, value)))).toBe(detail));
});

describe('a page of the mapping native', () => {
  test('may name its documents by id', () => {
    const results = [
      { position: 2, doc_id: 'b' },
      { position: 1, doc_id: 'a', title: 'A', summary: '' },
    ];
    expect(native(page(results))).toMatchObject({
      results: [
        { position: 1, documentId: 'a', title: 'A', summary: '' },
        { position: 2, documentId: 'b' },
      ],
    });
  });

  test('must not where there are no documents', () => {
    expect(detailOf(openDecoder(parseConfig({}))(page([{ position: 1, doc_id: 'a' }])))).toBe(
      'results[0].title: expected a string, got missing',
    );
  });

  test.each([
    [{ position: 1, doc_id: 'a', title: 'A' }, 'results[0].summary: expected a string, got missing'],
    [{ position: 1, doc_id: 'a', summary: 'S' }, 'results[0].title: expected a string, got missing'],
    [
      { position: 0, doc_id: 'a' },
      'results[0].position: expected a whole number >= 1, got a number out of range',
    ],
    [{ position: 1 }, 'results[0].doc_id: expected a string with something in it, got missing'],
  ])('%j is neither', (result, detail) => expect(detailOf(native(page([result])))).toBe(detail));
});
