// Judged queries come out as written; whatever is wrong is named with file and line.
import { describe, expect, it } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { formatTrecRun, judgedQueries } from '../../src/trainer/judged.ts';

const queries = ['{"query_id":"q1","query":"red shoe"}', '{"query_id":2,"query":"blue hat"}', ''];
const documents = [
  '{"doc_id":"d1","title":"Shoe","summary":"red","brand":"x"}',
  '{"doc_id":"d2","title":"Hat","summary":null}',
  '{"doc_id":"d3","title":"Scarf"}',
];
const judgments = ['query_id\tdoc_id\tgrade', 'q1\td2\t0', 'q1\td1\t3', '2\td2\t2'];

const read = (changes: { queries?: string[]; documents?: string[]; judgments?: string[] } = {}) =>
  judgedQueries({
    queries: { name: 'queries.jsonl', lines: changes.queries ?? queries },
    documents: { name: 'documents.jsonl', lines: changes.documents ?? documents },
    judgments: { name: 'judgments.tsv', lines: changes.judgments ?? judgments },
  });

describe('judged queries', () => {
  it('are the queries with their judged documents, in file order', () => {
    expect(read()).toEqual([
      {
        queryId: 'q1',
        query: 'red shoe',
        documents: [
          { documentId: 'd2', title: 'Hat', summary: '' },
          { documentId: 'd1', title: 'Shoe', summary: 'red' },
        ],
        grades: [0, 3],
      },
      {
        queryId: '2',
        query: 'blue hat',
        documents: [{ documentId: 'd2', title: 'Hat', summary: '' }],
        grades: [2],
      },
    ]);
  });

  it('need no header, know the four columns of TREC, and leave out queries without a judgment', () => {
    expect(read({ judgments: ['q1 0 d1 1'] })).toMatchObject([{ queryId: 'q1', grades: [1] }]);
    expect(read({ judgments: [] })).toEqual([]);
  });

  const wrong: [string, Parameters<typeof read>[0], RegExp][] = [
    ['a line that is no JSON', { queries: [...queries, '{'] }, /^queries\.jsonl:4: .*one JSON object a line/],
    ['a JSON value that is no object', { documents: ['7'] }, /^documents\.jsonl:1: line: /],
    ['a missing key', { documents: ['{"doc_id":"d1"}'] }, /^documents\.jsonl:1: title: /],
    ['a value of another type', { queries: ['{"query_id":"q","query":7}'] }, /^queries\.jsonl:1: query: /],
    [
      'an id with white space',
      { queries: ['{"query_id":"q 1","query":"x"}'] },
      /^queries\.jsonl:1: query_id: /,
    ],
    ['a query twice', { queries: [queries[0]!, queries[0]!] }, /^queries\.jsonl:2: query q1 occurs a second/],
    [
      'a document twice',
      { documents: [...documents, documents[0]!] },
      /^documents\.jsonl:4: document d1 occ/,
    ],
    ['a pair judged twice', { judgments: [...judgments, 'q1\td1\t3'] }, /^judgments\.tsv:5: q1 and d1 are/],
    [
      'an unknown query',
      { judgments: ['q9\td1\t1'] },
      /^judgments\.tsv:1: query q9 is not in queries\.jsonl/,
    ],
    [
      'an unknown document',
      { judgments: ['q1\td9\t1'] },
      /^judgments\.tsv:1: document d9 is not in documents/,
    ],
    ['a grade that is no grade', { judgments: ['q1\td1\t-1'] }, /^judgments\.tsv:1: .*found "-1"/],
    ['a grade out of range', { judgments: ['q1\td1\t31'] }, /from 0 to 30, found "31"/],
    ['a missing column', { judgments: ['', 'q1\td1'] }, /^judgments\.tsv:2: .*found 2 column/],
    ['a header in the middle', { judgments: ['q1\td1\t1', judgments[0]!] }, /^judgments\.tsv:2: .*"grade"/],
  ];
  it.each(wrong)('name %s', (_, changes, message) => {
    expect(() => read(changes)).toThrow(message);
    expect(() => read(changes)).toThrow(RestillError);
  });
});

describe('TREC run', () => {
  it('is ranked by score, equal scores by document id', () => {
    const scored = [
      { documentId: 'd3', score: 0.5 },
      { documentId: 'd2', score: 1.25 },
      { documentId: 'd1', score: 0.5 },
    ];
    expect(formatTrecRun('q1', scored, 'student')).toBe(
      'q1 Q0 d2 1 1.25 student\nq1 Q0 d1 2 0.5 student\nq1 Q0 d3 3 0.5 student\n',
    );
    expect(scored[0]!.documentId).toBe('d3');
    expect(formatTrecRun('q1', [], 'student')).toBe('');
  });
});
