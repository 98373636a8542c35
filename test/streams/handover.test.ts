// handover.ts: its format, byte for byte; what is written is read back; what is not ours is a dead letter
// with a reason and none of its content.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isLetter } from '../../src/streams/envelope.ts';
import { decodeHandover, encodeHandover, type Handover } from '../../src/streams/handover.ts';
import { recordOf } from '../support/records.ts';

const read = (value: string | Uint8Array | null) => decodeHandover(recordOf(0, 0, 0, { value }));

const number = fc.integer({ min: 0, max: 2 ** 42 });
const text = fc.string({ unit: 'grapheme' });
const clicks = fc.array(
  fc.record({ index: fc.nat(9), timeMs: number, saidMs: number, satisfied: fc.boolean() }),
  { maxLength: 4 },
);
const handovers: fc.Arbitrary<Handover> = fc.oneof(
  fc.record({ kind: fc.constant('issued' as const), queryKey: text, user: text }),
  fc.record({
    kind: fc.constantFrom('closed' as const, 'corrected' as const),
    impressionId: text,
    visit: fc.record({
      ...{ partition: text, offset: number, timeMs: number, session: text, queryKey: text },
      ...{ holdout: fc.boolean(), clicks, journalled: number, sequence: fc.option(number) },
    }),
    page: fc.record({
      query: text,
      results: fc.array(fc.record({ position: number, documentId: text, title: text, summary: text })),
    }),
  }),
);

describe('the format', () => {
  test('is as it was', () => {
    const click = { index: 1, timeMs: 1_500, saidMs: 1_600, satisfied: true };
    const visit = {
      ...{ partition: 'clicks/2', offset: 7, timeMs: 1_000, session: '5e', queryKey: '9a' },
      ...{ holdout: false, clicks: [click], journalled: 0, sequence: null },
    };
    const results = [{ position: 1, documentId: 'd', title: 'Schöne', summary: 'Grüße' }];
    const page = { query: 'red shoes', results };
    expect(encodeHandover({ kind: 'issued', queryKey: '9a', user: '77' })).toBe('[1,"issued","9a","77"]');
    expect(encodeHandover({ kind: 'closed', impressionId: 'i', visit, page })).toBe(
      '[1,"closed","i",["clicks/2",7,1000,"5e","9a",0,0,null,1,500,100,1],' +
        '["red shoes",1,"d","Schöne","Grüße"]]',
    );
  });

  test('is read back', () => {
    fc.assert(
      fc.property(handovers, (handover) => {
        expect(read(encodeHandover(handover))).toEqual(handover);
      }),
    );
  });
});

test.each([
  ['nothing', null, 'not text'],
  ['bytes', Buffer.from([0xff]), 'not text'],
  ['other text', 'secret words', 'not JSON'],
  ['other JSON', '{"secret":1}', 'no list'],
  ['another version', '[2,"issued","9a","77"]', 'format 2, expected 1'],
  ['another kind', '[1,"secret","9a","77"]', 'of no kind'],
  ['too little', '[1,"closed","i",["clicks/2"],["secret"]]', 'of no kind'],
  ['half a click', '[1,"closed","i",["c/0",7,1,"5e","9a",0,0,null,1],["secret"]]', 'of no kind'],
  ['a click of text', '[1,"closed","i",["c/0",7,1,"5","9",0,0,null,1,1,1,"x"],["secret"]]', 'of no kind'],
])('%s is a dead letter', (_, value, detail) => {
  const letter = read(value);
  expect(isLetter(letter) && letter.detail).toContain(detail);
  expect(isLetter(letter) && letter.detail).not.toContain('secret');
});
