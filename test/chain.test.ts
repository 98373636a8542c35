// Chain against an array: the oldest is the first that was appended and not removed since.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chain, type Link } from '../src/chain.ts';

interface Thing extends Link<Thing> {
  readonly name: number;
}

test('the oldest is the first of what is left', () => {
  const steps = fc.array(fc.oneof(fc.constant(null), fc.nat({ max: 5 })), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (given) => {
      const chain = new Chain<Thing>();
      const expected: Thing[] = [];
      for (const [name, at] of given.entries()) {
        const thing = { name, older: null, younger: null };
        if (at === null || at >= expected.length) {
          chain.append(thing);
          expected.push(thing);
        } else {
          const [removed] = expected.splice(at, 1);
          chain.remove(removed!);
          expect(removed).toMatchObject({ older: null, younger: null });
        }
        expect(chain.oldest).toBe(expected[0] ?? null);
      }
      while (chain.oldest !== null) {
        expect(chain.oldest).toBe(expected.shift());
        chain.remove(chain.oldest);
      }
      expect(expected).toEqual([]);
    }),
  );
});
