// One copy of texts for equal documents; another text under the same id is another document; bounded.
// Decoding with shared texts says what decoding says.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { openDecoder } from '../../src/streams/decode.ts';
import { packDocument, referenceOf, unpackDocument } from '../../src/streams/journal-format.ts';
import { openSharingDecoder, SharedDocuments } from '../../src/streams/shared-documents.ts';
import { groupOf } from '../support/groups.ts';

const result = (documentId: string, title: string, position = 1) => ({
  documentId,
  title,
  summary: 's',
  position,
});

describe('shared documents', () => {
  it('give back equal results, whatever they have seen', () => {
    const documents = new SharedDocuments(2);
    for (const r of [
      result('a', 'x'),
      result('a', 'y', 2),
      result('b', 'x'),
      result('c', 'x'),
      result('a', 'x'),
    ])
      expect(documents.share(r)).toEqual(r);
  });

  it('turn a document into bytes once, and again when its text has changed', () => {
    const documents = new SharedDocuments(10);
    const stored = ['x', 'x', 'y', 'y'].map((title) => documents.stored(result('a', title)));
    expect(stored.map(({ packed }) => unpackDocument(packed).title)).toEqual(['x', 'x', 'y', 'y']);
    expect(stored[1]).toBe(stored[0]);
    expect(stored[3]).toBe(stored[2]);
    expect(stored[2]!.reference).not.toBe(stored[0]!.reference);
  });

  it('make no difference to what is stored', () => {
    const documents = new SharedDocuments(3);
    for (const { results } of [groupOf(1), groupOf(2), groupOf(1), groupOf(2)])
      for (const one of results) {
        const packed = packDocument(one);
        expect(documents.stored(one)).toMatchObject({ packed, reference: referenceOf(packed) });
      }
  });

  it('are shared by the pages that are decoded, which say the same', () => {
    const config = parseConfig({ topics: { documents: 'documents' } });
    const share = openSharingDecoder(config);
    const decode = openDecoder(config);
    const texts = { title: 't', summary: 's' };
    const page = { type: 'impression', ts: 1, impression_id: 'i', session_id: 's', user_id: 'u', query: 'q' };
    const values = [
      { ...page, results: [{ position: 1, doc_id: 'a', ...texts }] },
      {
        ...page,
        results: [
          { position: 1, doc_id: 'b' },
          { position: 2, doc_id: 'a', ...texts },
        ],
      },
      { ...page, results: [{ position: 3, doc_id: 'a', ...texts, title: 'new' }] },
      { ...page, type: 'click', doc_id: 'a' },
      { type: 'other' },
    ].map((value) => JSON.stringify(value));
    for (const [offset, value] of [...values, 'no JSON', null].entries()) {
      const place = { topic: 'clicks', partition: 0, offset, timestampMs: 1, key: null, headers: [] };
      expect(share({ ...place, value })).toStrictEqual(decode({ ...place, value }));
    }
  });
});
