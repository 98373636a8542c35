// Invariants:
// - the newest `keep`, the live one and the pinned ones never go (promise 8: nothing in use is taken away)
// - everything else goes, oldest first
// - damaged ones are bounded; the newest three stay
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { generationId } from '../../src/checkpoint/generation.ts';
import { parsePinned } from '../../src/checkpoint/pinned.ts';
import { expired, expiredDamaged } from '../../src/checkpoint/retention.ts';

const ids = (...numbers: number[]) => numbers.map(generationId);

it('keeps the newest, the live one and the pinned ones', () => {
  const names = [...ids(6, 1, 2, 3, 4, 5), 'current.json', '.staging-g000007'];
  expect(expired(names, { keep: 2, live: generationId(3), pinned: new Set(ids(1)) })).toEqual(ids(2, 4));
  expect(expired(names, { keep: 6, live: null, pinned: new Set() })).toEqual([]);
  expect(expired(names, { keep: 9, live: null, pinned: new Set() })).toEqual([]);
  expect(expired([], { keep: 1, live: null, pinned: new Set() })).toEqual([]);
});

it('splits any store into what stays and what goes', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  fc.assert(
    fc.property(
      numbers,
      fc.integer({ min: 1, max: 8 }),
      fc.nat(50),
      fc.array(fc.nat(50)),
      (all, keep, live, pins) => {
        const pinned = new Set(ids(...pins.filter((n) => n > 0)));
        const going = expired(ids(...all), { keep, live: live > 0 ? generationId(live) : null, pinned });
        const newest = ids(...[...all].sort((a, b) => b - a).slice(0, keep));
        for (const id of going) {
          expect(newest).not.toContain(id);
          expect(pinned).not.toContain(id);
          expect(id).not.toBe(`g${String(live).padStart(6, '0')}`);
        }
        expect(all.length - going.length).toBeLessThanOrEqual(keep + pinned.size + 1);
      },
    ),
  );
});

it.each([0, -1, 1.5, Number.NaN])('refuses to keep %d', (keep) => {
  expect(() => expired([], { keep, live: null, pinned: new Set() })).toThrow(/at least one/);
});

it('bounds the damaged ones', () => {
  const names = ['g000009', '.damaged-g000001', '.damaged-g000002', '.damaged-g000002.2', '.damaged-g000010'];
  expect(expiredDamaged(names)).toEqual(['.damaged-g000001']);
  expect(expiredDamaged([...names, '.damaged-g000011'])).toEqual(['.damaged-g000002', '.damaged-g000001']);
  expect(expiredDamaged(names.slice(0, 4))).toEqual([]);
});

it('reads the pinned file', () => {
  const text = '# before the summer sale\ng000004  # the best so far\r\n\n  g000002\n';
  expect([...parsePinned(text, 'pinned')]).toEqual(ids(4, 2));
  expect(parsePinned('', 'pinned').size).toBe(0);
});

it('refuses a pinned line that is no id, and says which', () => {
  expect(() => parsePinned('g000001\ng2\n', '/data/pinned')).toThrow(/\/data\/pinned line 2 says "g2"/);
});
