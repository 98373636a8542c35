// Invariants 1 and 2 of catalogue.ts (promises 1 and 11), seen through the intake: what a page shows, what is
// left out, and that a click finds its result where some were left out.
import { describe, expect, test } from 'vitest';
import type { DocumentEvent, ImpressionEvent } from '../../src/contract.ts';
import { Catalogue } from '../../src/streams/catalogue.ts';
import { click, Feed, impression, minute, tick, tinyConfig } from '../support/stream-events.ts';

const document = (documentId: string, title: string, summary = ''): DocumentEvent => ({
  kind: 'document',
  documentId,
  title,
  summary,
});

/** Shows the documents by id only. */
const page = (id: string, atMs: number, documents: string): ImpressionEvent => ({
  ...impression(id, atMs),
  results: [...documents].map((documentId, index) => ({ position: index + 1, documentId })),
});

describe('a page that names its documents by id', () => {
  test('1: shows what they said before it, not what they say later', () => {
    const feed = new Feed(tinyConfig());
    feed.all(document('a', 'old'), document('a', 'new', 'n'), page('i', 0, 'a'), document('a', 'later'));
    feed
      .all(click('i', 'a', 1))
      .finish()
      .drain();
    expect(feed.groups[0]!.results).toMatchObject([{ documentId: 'a', title: 'new', summary: 'n' }]);
  });

  test('1: shows nothing of one that was removed, until it is there again', () => {
    const feed = new Feed(tinyConfig());
    const gone = { kind: 'removal', documentId: 'a' } as const;
    feed.all(document('a', 'A'), document('b', 'B'), gone, { ...gone, documentId: 'never' });
    feed.all(page('i', 0, 'ab'), document('a', 'again'), page('j', 1, 'ab'));
    feed
      .all(click('i', 'b', 2), click('j', 'a', 3))
      .finish()
      .drain();
    expect(feed.groups.map(({ results }) => results.map(({ title }) => title))).toEqual([
      ['B'],
      ['again', 'B'],
    ]);
    expect(feed.counts).toMatchObject({ documents: 5, undocumented: 1 });
  });

  test('leaves unknown ones out and counts them; positions and clicks stay right', () => {
    const feed = new Feed(tinyConfig());
    feed.all(document('b', 'B'), document('d', 'D'), page('i', 0, 'abcd'));
    feed.all(click('i', 'd', 1), click('i', 'c', 2)).finish();
    expect(feed.counts).toMatchObject({ undocumented: 2, documents: 2, unshown: 1, groups: 1 });
    const { results, pairs } = feed.groups[0]!;
    expect(results.map(({ documentId, position, clicked }) => [documentId, position, clicked])).toEqual([
      ['b', 2, false],
      ['d', 4, true],
    ]);
    expect(pairs).toEqual([1]);
  });

  test('a click that came before it finds its result too', () => {
    const feed = new Feed(tinyConfig());
    feed
      .all(document('d', 'D'), click('i', 'd', 0), page('i', 1, 'abcd'))
      .finish()
      .drain();
    expect(feed.groups[0]!.results).toMatchObject([{ documentId: 'd', clicked: true }]);
  });

  test('documents do not move the event time', () => {
    const feed = new Feed(tinyConfig());
    feed.all(document('a', 'A'), page('i', 0, 'a'));
    feed.accept(document('b', 'B'), { partition: 1, timestampMs: Number.MAX_SAFE_INTEGER });
    feed.all(click('i', 'a', 1));
    expect(feed.counts.groups).toBeUndefined();
    feed.all(tick(2 * minute));
    expect(feed.counts).toMatchObject({ groups: 1 });
  });
});

describe('2: a full catalogue forgets the document changed longest ago', () => {
  const config = tinyConfig({ events: { documents_max: 2 } });
  const known = (catalogue: Catalogue): string[] =>
    catalogue
      .describe([...'abc'].map((documentId) => ({ position: 1, documentId })))
      .map(({ documentId }) => documentId);
  const open = (): Catalogue => new Catalogue(config, { entries: [], next: {} });

  test('not the one made longest ago', () => {
    const catalogue = open();
    for (const [id, title] of ['aA', 'bB', 'aX', 'cC']) catalogue.learn(document(id!, title!));
    expect(known(catalogue)).toEqual(['a', 'c']);
  });

  test('and one sent again unchanged is not changed: it keeps its place and costs no write', () => {
    const catalogue = open();
    for (const [id, title] of ['aA', 'bB']) catalogue.learn(document(id!, title!));
    catalogue.table.drain([]);
    catalogue.learn(document('a', 'A'));
    const changes: [] = [];
    catalogue.table.drain(changes);
    expect(changes).toEqual([]);
    catalogue.learn(document('c', 'C'));
    expect(known(catalogue)).toEqual(['b', 'c']);
  });
});
