// What a fold may learn from, as a journal.
import type { Config } from '../../src/config.ts';
import type { Document, Group, JournalReader } from '../../src/contract.ts';
import { assert } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';
import type { JudgedQuery } from '../../src/trainer/judged.ts';
import { labelKey } from '../../src/trainer/labels.ts';
import { rehearse } from '../../src/trainer/rehearsal.ts';
import type { Block } from '../../src/trainer/turn.ts';
import { journalOf } from '../../test/support/groups.ts';
import { type Esci, keyOf } from './esci.ts';
import type { Split } from './folds.ts';
import { pseudoPages, type Unlabelled, withStrangers } from './unlabelled.ts';

export interface FoldStream {
  readonly journal: JournalReader;
  readonly block: Block;
}

/**
 * The click stream of a split. Groups of all other queries are there and held out, so that promise 7 is what
 * keeps them from training.
 */
export function clickStream(esci: Esci, split: Split, config: Config, unlabelled: Unlabelled): FoldStream {
  const trains = (group: Group): boolean => split.training.has(esci.queryIdOf(group));
  const training = esci.groups.filter(trains);
  const groups = [
    ...esci.groups.filter((group) => !trains(group)).map((group) => ({ ...group, holdout: true })),
    ...withStrangers(training, unlabelled.random, config.seed),
  ];
  const stream = streamOf(groups);
  for (const group of trainingGroups(stream, config))
    assert(trains(group), 'a query of the test fold would train');
  return streamOf([...groups, ...pseudoPages(training, unlabelled.pseudo, config.seed)]);
}

/**
 * Human judgments of the training queries as groups: the judged pool is the page, and of any two documents
 * the one with the higher grade is preferred, weighted by what it gains (2^grade - 1, as nDCG counts).
 */
export function judgmentStream(esci: Esci, split: Split, config: Config): FoldStream {
  const groups = esci.queries
    .filter(({ queryId }) => split.training.has(queryId))
    .map((query, sequence) => judgmentGroup(query, sequence, config));
  return streamOf(groups);
}

const streamOf = (groups: readonly Group[]): FoldStream => ({
  journal: journalOf(groups),
  block: { from: 0, to: groups.length },
});

/** What turns will see: not held out, bounded per query. */
export const trainingGroups = ({ journal, block }: FoldStream, config: Config): Group[] =>
  rehearse(journal, block, config.replay, randomFor(config.seed, 'unused')).fresh;

export interface Text {
  readonly query: string;
  readonly document: Document;
}

/** Every query and document that a student may be asked to learn, once, by label key. */
export function distillable(stream: FoldStream, config: Config): Map<string, Text> {
  const texts = new Map<string, Text>();
  for (const { query, results } of trainingGroups(stream, config))
    for (const document of results) texts.set(labelKey(query, document), { query, document });
  return texts;
}

/** Per query: the square of a long list would drown the short ones. */
const judgedPreferencesMax = 200;

function judgmentGroup(query: JudgedQuery, sequence: number, config: Config): Group {
  const { documents, grades } = query;
  const preferences = grades.flatMap((better, i) =>
    grades.flatMap((worse, j) =>
      better > worse ? [{ better: i, worse: j, weight: 2 ** better - 2 ** worse }] : [],
    ),
  );
  const results = documents.map((document, i) => ({
    ...document,
    position: i + 1,
    propensity: 1,
    clicked: grades[i]! > 0,
    satisfied: grades[i]! > 0,
  }));
  return {
    ...{ sequence, impressionId: `judged-${query.queryId}`, timeMs: 0, newestMs: 0 },
    ...{ query: query.query, queryKey: keyOf(query.query, config), holdout: false, results },
    pairs: results.flatMap(({ satisfied }, i) => (satisfied ? [i] : [])),
    preferences: randomFor(config.seed, 'judged', query.queryId).sample(preferences, judgedPreferencesMax),
    corrects: null,
    origin: { topic: 'judgments', partition: 0, offset: sequence },
  };
}
