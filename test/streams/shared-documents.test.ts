// One copy of texts for equal documents; another text under the same id is another document; bounded.
import { describe, expect, it } from 'vitest';
import { encodeGroup } from '../../src/streams/journal-format.ts';
import { SharedDocuments } from '../../src/streams/shared-documents.ts';
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

  it('encode a document once, and again when its text has changed', () => {
    const documents = new SharedDocuments(10);
    let encoded = 0;
    const encode = ([title]: readonly [string, string]): Buffer => {
      encoded++;
      return Buffer.from(title);
    };
    for (const title of ['x', 'x', 'y', 'y'])
      expect(documents.bytesOf(result('a', title), encode).toString()).toBe(title);
    expect(encoded).toBe(2);
  });

  it('make no difference to the bytes of a group', () => {
    const documents = new SharedDocuments(3);
    for (const group of [groupOf(1), groupOf(2), groupOf(1, { query: 'ü' }), groupOf(2)])
      expect(encodeGroup(group, 0, documents)).toEqual(encodeGroup(group));
  });
});
