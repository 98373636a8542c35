// Invariants 1 and 2 of judged-records.ts, and what is no judgment.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JudgedRecords } from '../../src/trainer/judged-records.ts';

const said = (query: string, doc_id: string | number, grade: unknown, more: object = {}): string =>
  JSON.stringify({ query, doc_id, title: `title ${doc_id}`, grade, ...more });

type Given = readonly [key: string | null, value: string | Uint8Array | null];
function read(records: readonly Given[], judgmentsMax = 100): JudgedRecords {
  const judged = new JudgedRecords(judgmentsMax);
  for (const [key, value] of records) judged.take({ key, value });
  return judged;
}
const shown = (records: readonly Given[], judgmentsMax?: number) =>
  read(records, judgmentsMax)
    .queries()
    .map(({ query, documents, grades }) => [
      query,
      documents.map(({ documentId }, at) => `${documentId}:${grades[at]}`).join(),
    ]);

test('queries come with all their documents, in one order', () => {
  const judged = read([
    ['1', said('shoes', 'b', 3)],
    [null, said('hats', 7, 0)],
    ['2', Buffer.from(said('shoes', 'a', 1, { summary: 'S', more: true }))],
  ]);
  expect(judged.queries()).toMatchObject([
    { query: 'hats', documents: [{ documentId: '7', title: 'title 7', summary: '' }], grades: [0] },
    {
      query: 'shoes',
      documents: [
        { documentId: 'a', title: 'title a', summary: 'S' },
        { documentId: 'b', summary: '' },
      ],
      grades: [1, 3],
    },
  ]);
  expect(new Set(judged.queries().map(({ queryId }) => queryId)).size).toBe(2);
});

describe('1', () => {
  test('a later record of a key says something else, a tombstone takes it back', () => {
    const first: Given[] = [
      ['1', said('q', 'a', 1)],
      ['2', said('q', 'b', 2)],
    ];
    expect(shown([...first, ['1', said('q', 'c', 3)]])).toEqual([['q', 'b:2,c:3']]);
    expect(shown([...first, ['1', null], ['3', null]])).toEqual([['q', 'b:2']]);
    expect(shown([...first, ['1', null], ['2', null]])).toEqual([]);
  });

  test('of two for one document the one written last counts, keyed or not', () => {
    const [one, two]: Given[] = [
      ['1', said('q', 'a', 1)],
      ['2', said('q', 'a', 2)],
    ];
    expect(shown([one!, two!])).toEqual([['q', 'a:2']]);
    expect(shown([two!, one!])).toEqual([['q', 'a:1']]);
    expect(shown([one!, two!, one!])).toEqual([['q', 'a:1']]);
    expect(
      shown([
        [null, said('q', 'a', 1)],
        [null, said('q', 'a', 3)],
      ]),
    ).toEqual([['q', 'a:3']]);
  });

  test('what compaction takes out makes no difference', () => {
    const record = fc.tuple(
      fc.constantFrom('1', '2', '3'),
      fc.constantFrom('a', 'b'),
      fc.nat(3),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(record), (log) => {
        const all = log.map(([key, id, grade, gone]): Given => [key, gone ? null : said('q', id, grade)]);
        const newest = all.filter(([key], at) => all.findLastIndex(([other]) => other === key) === at);
        expect(shown(newest)).toEqual(shown(all));
      }),
    );
  });
});

test('2: the oldest are forgotten', () => {
  const all = ['a', 'b', 'c'].map((id): Given => [id, said('q', id, 1)]);
  expect(shown([...all, ['b', said('q', 'b', 2)], ['d', said('q', 'd', 1)]], 2)).toEqual([['q', 'b:2,d:1']]);
});

test.each([
  ['{'],
  ['null'],
  [said('', 'a', 1)],
  [said('q', '', 1)],
  [said('q', 'a', -1)],
  [said('q', 'a', 31)],
  [said('q', 'a', 1.5)],
  [said('q', 'a', '1')],
  [said('q', 'a', 1, { title: null })],
])('%s is none, and is counted', (value) => {
  const judged = read([['1', value]]);
  expect([judged.queries(), judged.unusable]).toEqual([[], 1]);
});

test('a tombstone without a key is none', () => expect(read([[null, null]]).unusable).toBe(1));
