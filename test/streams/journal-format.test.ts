// The bytes of the journal: pinned, read back exactly, checked against value and place (promise 5 of the
// format: a reader never uses what it cannot prove).
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Group } from '../../src/contract.ts';
import {
  chainStart,
  decodeGroup,
  encodeGroup,
  link,
  packDocument,
  packMember,
  packMemory,
  referenceOf,
  seal,
  sealGroup,
  splitGroup,
  unpackDocument,
  unpackMember,
  unpackMemory,
  unseal,
} from '../../src/streams/journal-format.ts';
import { groupOf } from '../support/groups.ts';

const golden: Group = {
  sequence: 7,
  impressionId: 'i7',
  timeMs: 1_740_960_020_504,
  newestMs: 1_740_960_030_553,
  query: 'Schuhe 👟',
  queryKey: 'k7',
  holdout: true,
  results: [
    {
      ...{ documentId: 'd', title: 'T', summary: '', position: 1, propensity: 0.74 },
      ...{ clicked: true, satisfied: false },
    },
  ],
  pairs: [0],
  preferences: [{ better: 0, worse: 1, weight: 1.5 }],
  corrects: 3,
  origin: { topic: 'clicks', partition: 2, offset: 99 },
};

const number = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.toString('hex');
};
const text = (value: string): string => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return length.toString('hex') + Buffer.from(value).toString('hex');
};

const documentBytes = `${text('d')}${text('T')}${text('')}`;
/** 128 bits of the SHA-256 of those. */
const reference = createHash('sha256')
  .update(Buffer.from(documentBytes, 'hex'))
  .digest()
  .subarray(0, 16)
  .toString('base64url');

test('format 2, byte by byte', () => {
  const packed = packDocument(golden.results[0]!);
  expect(packed.toString('hex')).toBe(documentBytes);
  expect(referenceOf(packed)).toBe(reference);
  const numbers = [7, 1_740_960_020_504, 1_740_960_030_553, 1, 3, 2, 99, 1, 1, 1, 1, 0.74, 1, 0, 0, 1, 1.5];
  const texts = ['i7', 'Schuhe 👟', 'k7', 'clicks', reference];
  const expected = `1100000005000000${numbers.map(number).join('')}${texts.map(text).join('')}`;
  expect(encodeGroup(golden).toString('hex')).toBe(expected);
  // As a whole it must never change while the format is 2: journals in the field hold it.
  expect(createHash('sha256').update(encodeGroup(golden)).digest('hex')).toBe(
    'a6e66a703e177bf89db5b960d0ebb34f0e97af5f87abd6566c7dedc89642f0e8',
  );
  const { value, chain } = sealGroup(3, golden, [reference], chainStart);
  expect(chain).toEqual(createHash('sha256').update(Buffer.alloc(32)).update(encodeGroup(golden)).digest());
  expect(value.toString('hex')).toBe(`0544f6d6${chain.toString('hex')}${expected}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(expected.length / 2);
  expect(packMemory(golden).toString('hex')).toBe(length.toString('hex') + expected + documentBytes);
});

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const words = fc.string({ unit: 'binary' });
const anyGroup: fc.Arbitrary<Group> = fc.record({
  sequence: fc.nat(),
  impressionId: words,
  timeMs: finite,
  newestMs: finite,
  query: words,
  queryKey: words,
  holdout: fc.boolean(),
  results: fc.array(
    fc.record({
      documentId: words,
      title: words,
      summary: words,
      position: fc.nat(),
      propensity: finite,
      clicked: fc.boolean(),
      satisfied: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
  pairs: fc.array(fc.nat(), { maxLength: 4 }),
  preferences: fc.array(fc.record({ better: fc.nat(), worse: fc.nat(), weight: finite }), { maxLength: 4 }),
  corrects: fc.option(fc.nat()),
  origin: fc.record({ topic: words, partition: fc.nat(), offset: fc.maxSafeNat() }),
});

/** What a journal does: documents by reference. */
const documentsOf = (group: Group) => {
  const stored = new Map(
    group.results.map((result) => {
      const packed = packDocument(result);
      return [referenceOf(packed), packed];
    }),
  );
  return (name: string) => unpackDocument(stored.get(name)!);
};

test('a group is read back exactly', () => {
  fc.assert(
    fc.property(anyGroup, (group) => {
      expect(decodeGroup(encodeGroup(group), documentsOf(group))).toEqual(group);
      expect(unpackMemory(packMemory(group))).toEqual(group);
      const references = group.results.map((result) => referenceOf(packDocument(result)));
      const { value, chain } = sealGroup(11, group, references, chainStart);
      const parts = splitGroup(unseal('ring', 11, value));
      expect(parts.encoded).toEqual(encodeGroup(group));
      expect(parts.chain).toEqual(chain);
      expect(chain).toEqual(link(chainStart, encodeGroup(group)));
    }),
  );
});

test('any change of a text changes the reference, and with it the chain', () => {
  fc.assert(
    fc.property(words, words, words, words, (documentId, title, summary, other) => {
      const one = { documentId, title, summary };
      const texts = (document: typeof one) => referenceOf(packDocument(document));
      const changed = Buffer.from(other).toString() !== Buffer.from(title).toString();
      expect(texts({ ...one, title: other }) !== texts(one)).toBe(changed);
      // Where one text ends and the next begins is part of it.
      expect(texts({ documentId: `${documentId}a`, title, summary })).not.toBe(
        texts({ documentId, title: `a${title}`, summary }),
      );
    }),
  );
});

test('half of a surrogate pair is no text', () => {
  const group = groupOf(0, { query: 'a\ud83db' });
  expect(decodeGroup(encodeGroup(group), documentsOf(group)).query).toBe('a\ufffdb');
});

describe('a value', () => {
  const value = seal('sessions', 4, Buffer.from('payload'));

  test('is its payload again in its place', () => {
    expect(unseal('sessions', 4, value).toString()).toBe('payload');
    expect(unpackMember(unseal('members', 0, seal('members', 0, packMember(2 ** 40 + 1))))).toBe(2 ** 40 + 1);
  });

  test('is refused in any other place, and with any bit changed', () => {
    const damaged = (slot: number): object =>
      expect.objectContaining({
        code: 'JOURNAL_DAMAGED',
        message: expect.stringContaining(`sessions ${slot}`),
      });
    expect(() => unseal('sessions', 5, value)).toThrow(damaged(5));
    expect(() => unseal('queries', 4, value)).toThrow('queries 4');
    for (let bit = 0; bit < 8 * value.length; bit++) {
      const changed = Buffer.from(value);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => unseal('sessions', 4, changed)).toThrow(damaged(4));
    }
    for (let length = 0; length < value.length; length++)
      expect(() => unseal('sessions', 4, value.subarray(0, length))).toThrow(damaged(4));
  });
});
