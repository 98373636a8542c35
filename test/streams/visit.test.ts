// What the join keeps comes back from the journal as it was, whatever it holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as visits from '../../src/streams/visit.ts';

const through = (fields: readonly unknown[]) => JSON.parse(JSON.stringify(fields)) as unknown[];
const text = fc.string({ unit: 'binary', maxLength: 12 });
const timeMs = fc.integer({ min: 0, max: 2 ** 45 });

test('visits', () => {
  const visit = fc.record({
    partition: text,
    offset: fc.nat(),
    timeMs,
    session: text,
    queryKey: text,
    holdout: fc.boolean(),
    clicks: fc.array(fc.record({ index: fc.nat(20), timeMs, saidMs: timeMs, satisfied: fc.boolean() }), {
      maxLength: 5,
    }),
    journalled: fc.nat(5),
    sequence: fc.option(fc.nat()),
  });
  fc.assert(
    fc.property(visit, (value) => {
      expect(visits.unpackVisit(through(visits.packVisit(value)))).toEqual(value);
    }),
  );
});

test('pages', () => {
  const result = fc.record({ position: fc.nat(99), documentId: text, title: text, summary: text });
  fc.assert(
    fc.property(fc.record({ query: text, results: fc.array(result, { maxLength: 4 }) }), (value) => {
      expect(visits.unpackPage(through(visits.packPage(value)))).toEqual(value);
    }),
  );
});

test('clicks that wait, and what is remembered', () => {
  const orphan = fc.record({
    partition: text,
    impressionId: text,
    documentId: text,
    timeMs,
    saidMs: timeMs,
    satisfied: fc.boolean(),
    session: text,
  });
  fc.assert(
    fc.property(orphan, (value) => {
      expect(visits.unpackOrphan(through(visits.packOrphan(value)))).toEqual(value);
      const { partition, timeMs: at } = value;
      const remembered = { partition, timeMs: at };
      expect(visits.unpackRemembered(through(visits.packRemembered(remembered)))).toEqual(remembered);
    }),
  );
});
