// Invariants:
// - the bytes are a function of the value: keys sorted at every level, pinned by a golden text
// - what was sealed comes back; one byte changed, added or lost does not
// - what JSON would change silently is refused
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seal, unseal } from '../../src/checkpoint/sealed-json.ts';

const fields = fc.dictionary(
  fc.string().filter((key) => key !== 'sha256'),
  fc.jsonValue(),
);

describe('seal', () => {
  it('writes these bytes', () => {
    expect(Buffer.from(seal({ b: [1, { z: 0.5, a: 'é' }], a: null })).toString()).toBe(
      [
        '{',
        '  "a": null,',
        '  "b": [',
        '    1,',
        '    {',
        '      "a": "é",',
        '      "z": 0.5',
        '    }',
        '  ],',
        '  "sha256": "de9397c57f7caca119f7b04ec8eb7843794b648ea744ce12b0122969202105ab"',
        '}',
        '',
      ].join('\n'),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 1, 10n])('refuses %s', (value) => {
    expect(() => seal({ value })).toThrow(/cannot hold/);
    expect(() => seal({ deep: [{ value }] })).toThrow(/cannot hold/);
  });

  it('keeps its own field to itself', () => {
    expect(() => seal({ sha256: 'x' })).toThrow(/belongs to the seal/);
  });
});

describe('unseal', () => {
  it('gives back what was sealed', () => {
    fc.assert(
      fc.property(fields, (value) => {
        expect(unseal(seal(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('notices any byte that is changed, added or lost', () => {
    fc.assert(
      fc.property(fields, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, difference) => {
        const bytes = Buffer.from(seal(value));
        const place = at % bytes.byteLength;
        const flipped = Buffer.from(bytes);
        flipped[place]! ^= difference;
        const longer = Buffer.concat([bytes.subarray(0, place), Buffer.from(' '), bytes.subarray(place)]);
        const shorter = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
        for (const damaged of [flipped, longer, shorter]) expect(unseal(damaged)).toBeNull();
      }),
    );
  });

  it.each(['', 'null', '[]', '"x"', '{}', '{"sha256":1}', '{', '{"a":1e999,"sha256":""}'])(
    'refuses %j',
    (text) => {
      expect(unseal(Buffer.from(text))).toBeNull();
    },
  );
});
