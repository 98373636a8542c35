// Invariants 1 and 2 of event-columns.ts: what comes out on the other side is what went in, whatever was
// packed before, and the texts of a document are handed over once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClickEvent, Event, ImpressionEvent } from '../../src/contract.ts';
import type { Decoded } from '../../src/streams/decode.ts';
import { type EventColumns, EventPacking, EventUnpacking } from '../../src/streams/event-columns.ts';
import { recordOf } from '../support/records.ts';

/** Halves of surrogate pairs too: JSON can say them. */
const text = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 })
  .map((units) => String.fromCharCode(...units));
/** Few, so that documents come again, with the same texts and with others. */
const few = fc.constantFrom('', 'a', 'ä', '…');
const timeMs = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const position = fc.nat();
const ids = { impressionId: text, sessionId: text, userId: text };
const result = fc.oneof(
  fc.record({ position, documentId: few, title: few, summary: few }),
  fc.record({ position, documentId: few }),
);
const impression: fc.Arbitrary<ImpressionEvent> = fc.record({
  kind: fc.constant('impression' as const),
  ...{ timeMs, ...ids, query: text, results: fc.array(result) },
});
const click: fc.Arbitrary<ClickEvent> = fc.record({
  kind: fc.constant('click' as const),
  ...{ timeMs, ...ids, documentId: text, dwellMs: fc.option(fc.double({ min: 0, noNaN: true })) },
});
const others: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('document' as const), documentId: few, title: text, summary: text }),
  fc.record({ kind: fc.constant('removal' as const), documentId: few }),
);
const record = recordOf(0, 0, 0);
const malformed = fc.record({
  ...{ record: fc.constant(record), reason: fc.constant('malformed' as const), detail: text },
});
const said: fc.Arbitrary<Decoded> = fc.oneof(impression, click, others, malformed, fc.constant(null));

test('1: what is unpacked is what was packed, piece by piece, however few documents are held', () => {
  fc.assert(
    fc.property(fc.array(fc.array(said)), fc.integer({ min: 1, max: 9 }), (pieces, documentsMax) => {
      const packing = new EventPacking(documentsMax);
      const unpacking = new EventUnpacking();
      for (const piece of pieces)
        expect(unpacking.unpack(structuredClone(packing.pack(piece)))).toEqual(piece);
    }),
  );
});

const page = (...documentIds: string[]): ImpressionEvent => ({
  ...{ kind: 'impression', timeMs: 7, impressionId: 'i', sessionId: 's', userId: 'u', query: 'q' },
  results: documentIds.map((documentId, at) => ({
    ...{ position: at + 1, documentId, title: `title ${documentId}`, summary: 'summary' },
  })),
});
const documentsOf = ({ texts }: EventColumns): string[] =>
  texts.filter((one) => one.startsWith('title ')).map((one) => one.slice(6));

test('2: a document is handed over once, until as many are held as may be; then all anew', () => {
  const packing = new EventPacking(3);
  const sent = [
    ['a', 'b'],
    ['b', 'c', 'a'],
    ['c', 'd'],
  ].map((ids) => packing.pack([page(...ids)]));
  expect(sent.map(documentsOf)).toEqual([['a', 'b'], ['c'], ['c', 'd']]);
  expect(sent.map(({ anew }) => anew)).toEqual([false, false, true]);
});

test('pages share the texts of a document', () => {
  const packing = new EventPacking(10);
  const unpacking = new EventUnpacking();
  const changed = { ...page('a'), results: [{ ...page('a').results[0]!, title: 'another' }] };
  const pieces = [page('a', 'b'), changed, page('a')].map((one) =>
    unpacking.unpack(structuredClone(packing.pack([one]))),
  );
  const titles = pieces.map(([one]) =>
    (one as ImpressionEvent).results.map((r) => ('title' in r ? r.title : null)),
  );
  expect(titles).toEqual([['title a', 'title b'], ['another'], ['title a']]);
});
