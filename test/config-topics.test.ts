// The `topics` section: what contradicts it, and that it is part of what a journal is bound to, where there
// is a topic of documents and nowhere else.
import { expect, test } from 'vitest';
import { configDigest, parseConfig, streamsDigest } from '../src/config.ts';

const documents = 'docs';
const kafka = { brokers: ['localhost:9092'] };
const files = { queries: 'q', documents: 'd', judgments: 'j' };
const own = (document: object | null) => {
  const when = { path: '$.type', is: ['x'] };
  const time = { path: '$.ts', format: 'ms' };
  const common = { when, time, impression_id: '$.i', session_id: '$.s', user_id: '$.u' };
  const title = document === null ? '$.r[*].t' : null;
  const impression = { ...common, query: '$.q', results: { document_id: '$.r[*].id', title } };
  return { preset: 'own', mapping: { impression, click: { ...common, document_id: '$.d' }, document } };
};

test.each([
  [{ topic: 'docs', topics: { documents } }, 'must be different ones'],
  [{ topics: { documents, judgments: documents }, kafka }, 'must be different ones'],
  [{ topics: { judgments: 'judged' } }, 'needs kafka.brokers'],
  [{ topics: { judgments: 'judged' }, kafka, evaluation: files }, 'give one of the two'],
  [{ topics: { documents_known_before: '2026-11-01T00:00:00Z' } }, 'needs topics.documents'],
  [{ topics: { documents, documents_known_before: 'yesterday' } }, 'expected a time with its zone'],
  [{ topics: { documents, documents_known_before: '2026-11-01' } }, 'expected a time with its zone'],
  [{ topics: { documents }, events: own(null) }, 'needs events.mapping.document'],
  [{ topics: { documents }, kafka: { shared: true } }, 'each member would see a part'],
])('%j is refused', (input, message) => expect(() => parseConfig(input)).toThrow(message));

test('times are milliseconds, in any zone', () => {
  const known = (text: string) =>
    parseConfig({ topics: { documents, documents_known_before: text } }).topics.documentsKnownBefore;
  expect(known('1970-01-01T00:00:01Z')).toBe(1_000);
  expect(known('1970-01-01T01:00:01+01:00')).toBe(1_000);
});

test('other documents are another journal; none, or judgments, are as before there was the section', () => {
  const document = { when: { path: '$.x' }, document_id: '$.id', title: '$.t' };
  expect(parseConfig({ topics: { documents }, events: own(document) }).topics).toMatchObject({ documents });
  const configs = [
    parseConfig({}),
    parseConfig({ topics: { documents } }),
    parseConfig({ topics: { documents: 'others' } }),
    parseConfig({ topics: { documents, documents_known_before: '2026-11-01T00:00:00Z' } }),
  ];
  expect(new Set(configs.map(streamsDigest)).size).toBe(configs.length);
  expect(new Set(configs.map(configDigest)).size).toBe(configs.length);
  const measured = parseConfig({ topics: { judgments: 'judged' }, kafka });
  expect(configDigest(measured)).toBe(configDigest(parseConfig({})));
  expect(streamsDigest(measured)).toBe(streamsDigest(parseConfig({})));
});
