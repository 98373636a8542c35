// What a fold learns from: 1. Groups of other queries are held out, and nothing of them is distilled on, not
// even their documents as strangers or as queries. 2. Strangers carry no click and stand behind a page's own
// results, so that preferences keep their indices. 3. Of two judged documents the higher grade is preferred.
import { expect, it } from 'vitest';
import type { Esci } from '../../../bench/quality/esci.ts';
import {
  clickStream,
  distillable,
  judgmentStream,
  trainingGroups,
} from '../../../bench/quality/fold-stream.ts';
import type { Split } from '../../../bench/quality/folds.ts';
import { parseConfig } from '../../../src/config.ts';
import { groupOf } from '../../support/groups.ts';

const config = parseConfig({ holdout: { share: 0 } });
const names = ['a', 'b', 'c', 'd'];

/** Three pages a query, each of four documents of its own. */
const groups = Array.from({ length: 12 }, (_, i) => {
  const name = names[i % 4]!;
  const group = groupOf(i, { query: name, queryKey: name });
  const results = group.results.map((r) => ({ ...r, title: `${name} thing ${i} number ${r.position}` }));
  return { ...group, results };
});
const queries = names.map((queryId) => ({
  queryId,
  query: queryId,
  documents: ['x', 'y', 'z'].map((title) => ({ documentId: queryId + title, title, summary: '' })),
  grades: [0, 3, 1],
}));
const esci: Esci = { queries, groups, queryIdOf: (group) => group.query };
const split: Split = {
  ...{ fold: 0, on: 'test' },
  ...{ training: new Set(['a', 'b']), unseen: new Set(['c', 'd']), seen: new Set(['a']) },
};
const ofOthers = /^[cd] /;

it('keeps everything of other queries out', () => {
  const stream = clickStream(esci, split, config, { random: 3, pseudo: 5 });
  expect(stream.journal.read(0, stream.block.to).filter((group) => group.holdout)).toHaveLength(6);
  const texts = [...distillable(stream, config).values()];
  expect(texts.length).toBeGreaterThan(24);
  expect(texts.filter(({ query }) => ['c', 'd'].includes(query))).toEqual([]);
  expect(
    texts.filter(({ query, document }) => ofOthers.test(document.title) || ofOthers.test(query)),
  ).toEqual([]);
});

it('puts strangers behind, without a click', () => {
  const plain = trainingGroups(clickStream(esci, split, config, { random: 0, pseudo: 0 }), config);
  const more = trainingGroups(clickStream(esci, split, config, { random: 3, pseudo: 0 }), config);
  expect(more.map(({ sequence }) => sequence)).toEqual(plain.map(({ sequence }) => sequence));
  more.forEach((group, i) => {
    expect(group.results.slice(0, 4)).toEqual(plain[i]!.results);
    const strangers = group.results.slice(4);
    expect(strangers).toHaveLength(3);
    expect(strangers.filter(({ clicked, satisfied }) => clicked || satisfied)).toEqual([]);
    expect(strangers.filter(({ title }) => title.startsWith(`${group.query} `))).toEqual([]);
  });
});

it('asks with words of a title, and shows its document', () => {
  const stream = clickStream(esci, split, config, { random: 0, pseudo: 5 });
  const made = trainingGroups(stream, config).filter(({ impressionId }) => impressionId.startsWith('pseudo'));
  expect(made).toHaveLength(5);
  for (const { query, results } of made) {
    expect(results[0]!.title).toContain(query);
    expect(new Set(results.map(({ documentId }) => documentId)).size).toBe(results.length);
  }
});

it('prefers the higher grade, by what it gains', () => {
  const { journal, block } = judgmentStream(esci, split, config);
  const made = journal.read(0, block.to);
  expect(made.map(({ query }) => query)).toEqual(['a', 'b']);
  for (const { preferences } of made)
    expect([...preferences].sort((p, q) => p.weight - q.weight)).toEqual([
      { better: 2, worse: 0, weight: 1 },
      { better: 1, worse: 2, weight: 6 },
      { better: 1, worse: 0, weight: 7 },
    ]);
});
