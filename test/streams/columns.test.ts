// Invariants 1 and 2 of columns.ts: what comes out on the other side is what went in, in batches of bounded
// size.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeadLetter, SourceRecord } from '../../src/contract.ts';
import { type Columns, Packing, unpackItems } from '../../src/streams/columns.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import { placed, recordOf } from '../support/records.ts';

/** In as many batches as it takes, each cloned as a port clones it. */
function batchesOf(items: readonly SourceItem[], unitsMax: number): Columns[] {
  const batches: Columns[] = [];
  let packing = new Packing(unitsMax);
  const finish = (): void => {
    batches.push(structuredClone(packing.columns()));
    packing = new Packing(unitsMax);
  };
  for (const item of items) {
    if (packing.add(item)) continue;
    finish();
    expect(packing.add(item)).toBe(true);
  }
  if (!packing.isEmpty) finish();
  return batches;
}

const opened = (item: SourceItem): unknown => {
  if (isLetter(item)) return item;
  const { topic, partition, offset, timestampMs } = item;
  return { topic, partition, offset, timestampMs, is: item.open() };
};

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
/** Halves of surrogate pairs too: JSON can say them. */
const text = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
const content = fc.oneof(text, fc.uint8Array(), fc.constant(null));
const headers = fc.oneof(fc.constant([]), fc.array(fc.tuple(text, text)));
const record: fc.Arbitrary<SourceRecord> = fc.record({
  topic: fc.constantFrom('clicks', 'klicks', 'documents'),
  ...{ partition: whole, offset: whole, timestampMs: whole },
  ...{ key: content, value: content, headers },
});
const reason = fc.constantFrom('malformed', 'too-large');
const letter: fc.Arbitrary<DeadLetter> = fc.record({ record, reason, detail: text });
const item: fc.Arbitrary<SourceItem> = fc.oneof(
  { weight: 6, arbitrary: record.map(placed) },
  letter,
  // A line that has a place, and turns out to be no record when it is opened.
  fc.tuple(record, letter).map(([at, instead]) => ({ ...placed(at), open: () => instead })),
);

const sizeOf = ({ key, value }: SourceRecord): number => 64 + (key?.length ?? 0) + (value?.length ?? 0);

test('1: what is unpacked is what was packed, in order', () => {
  fc.assert(
    fc.property(fc.array(item), fc.integer({ min: 1, max: 1_000 }), (items, unitsMax) => {
      const unpacked = batchesOf(items, unitsMax).flatMap(unpackItems);
      expect(unpacked.map(opened)).toEqual(items.map(opened));
    }),
  );
});

describe('2: a batch', () => {
  test('holds what fits, or one item', () => {
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 1_000 }), (items, unitsMax) => {
        for (const batch of batchesOf(items, unitsMax)) {
          const records = unpackItems(batch).map((found) => {
            const read = isLetter(found) ? found : found.open();
            return isLetter(read) ? read.record : read;
          });
          const size = records.reduce((sum, one) => sum + sizeOf(one), 0);
          expect(records.length === 1 || size <= unitsMax).toBe(true);
        }
      }),
    );
  });

  test('is filled: 201 units take three records of 64 and 3, and a fourth begins the next', () => {
    const items = [0, 1, 2, 3].map((offset) => placed(recordOf(0, offset, 0, { key: 'k', value: 'vv' })));
    expect(batchesOf(items, 201).map(({ values }) => values.length)).toEqual([3, 1]);
  });

  test('is bounded for records without any content', () => {
    const items = Array.from({ length: 25 }, (_, offset) => placed(recordOf(0, offset, 0, { value: null })));
    expect(batchesOf(items, 640).map(({ values }) => values.length)).toEqual([10, 10, 5]);
  });

  test('of views does not carry what they are views of', () => {
    const value = Buffer.alloc(1 << 16).subarray(7, 10);
    const [batch] = batchesOf([placed(recordOf(0, 0, 0, { key: value, value }))], 100);
    const sizes = [batch!.keys[0], batch!.values[0]].map((kept) => (kept as Uint8Array).buffer.byteLength);
    expect(sizes).toEqual([3, 3]);
  });
});
