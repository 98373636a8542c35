// by-place.ts: the latest value of each place, found as by its name (`topic/partition`).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByPlace } from '../../src/streams/by-place.ts';
import { partitionKey } from '../../src/streams/watermark.ts';

// Short topics, with what `partitionKey` puts between the two.
const topic = fc.string({ unit: fc.constantFrom('a', '/', '1'), maxLength: 3 });
const place = fc.record({ topic, partition: fc.nat({ max: 12 }) });

test('what was set last is found', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(place, fc.nat())), place, (set, other) => {
      const byPlace = new ByPlace<number>();
      const byName = new Map<string, number>();
      for (const [at, value] of set) {
        byPlace.set(at, value);
        byName.set(partitionKey(at), value);
      }
      for (const at of [...set.map(([one]) => one), other])
        expect(byPlace.get({ ...at })).toBe(byName.get(partitionKey(at)));
      expect(new Set(byPlace.values())).toEqual(new Set(byName.values()));
    }),
  );
});
