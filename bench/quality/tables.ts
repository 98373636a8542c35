// Rankers that look up what they say: what people judged a document of a query to be worth, or how often it
// was clicked. They know nothing of a query that they have not seen. What a student can learn of them bounds
// what it can learn of any teacher that is made of the same judgments or clicks.
import type { Group } from '../../src/contract.ts';
import { labelKey } from '../../src/trainer/labels.ts';
import type { Cell } from './cells.ts';
import { type Context, judge } from './context.ts';
import { clickStream, distillable } from './fold-stream.ts';
import type { Split } from './folds.ts';

export type TableSource = 'grades' | 'rates';

/** A document that the table lacks gets the table's mean. */
export function runTable(
  ctx: Context,
  source: TableSource,
  split: Split,
): Pick<Cell, 'scores' | 'labels' | 'notes'> {
  const { config, esci, options } = ctx;
  const stream = clickStream(esci, split, config, options);
  const known =
    source === 'grades'
      ? gradesOf(ctx, split)
      : clickRates(esci.groups.filter((group) => split.training.has(esci.queryIdOf(group))));
  const all = [...known.values()];
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const wanted = [...distillable(stream, config).keys()];
  return {
    scores: judge(ctx, split, (texts) =>
      texts.map(({ query, document }) => known.get(labelKey(query, document)) ?? mean),
    ),
    labels: wanted.map((key) => [key, known.get(key) ?? mean] as const),
    notes: { known: wanted.filter((key) => known.has(key)).length, wanted: wanted.length },
  };
}

/** Human grades of what the training pages show, by label key; not all of it was judged. */
function gradesOf({ esci }: Context, { training }: Split): Map<string, number> {
  const grades = new Map(
    esci.queries.flatMap(({ queryId, documents, grades: own }) =>
      documents.map(({ documentId }, i) => [`${queryId} ${documentId}`, own[i]!] as const),
    ),
  );
  const judged = new Map<string, number>();
  for (const group of esci.groups) {
    const queryId = esci.queryIdOf(group);
    if (!training.has(queryId)) continue;
    for (const result of group.results) {
      const grade = grades.get(`${queryId} ${result.documentId}`);
      if (grade !== undefined) judged.set(labelKey(group.query, result), grade);
    }
  }
  return judged;
}

/**
 * Clicks per look, by label key: a look is an impression times the propensity of its position (the
 * ratio estimator of inverse-propensity weighting, Joachims et al. 2017, arXiv 1608.04468), and everyone
 * starts with one look at the mean rate.
 */
export function clickRates(groups: readonly Pick<Group, 'query' | 'results'>[]): Map<string, number> {
  const sums = new Map<string, { clicks: number; looks: number }>();
  const whole = { clicks: 0, looks: 0 };
  for (const { query, results } of groups)
    for (const result of results) {
      const key = labelKey(query, result);
      const sum = sums.get(key) ?? { clicks: 0, looks: 0 };
      for (const to of [sum, whole]) {
        to.clicks += result.clicked ? 1 : 0;
        to.looks += result.propensity;
      }
      sums.set(key, sum);
    }
  const mean = whole.clicks / whole.looks;
  return new Map([...sums].map(([key, { clicks, looks }]) => [key, (clicks + mean) / (looks + 1)]));
}
