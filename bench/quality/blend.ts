// Several rankers as one: the mean of their scores, each standardised by what it gives the training
// documents.
import { calibrate, fitCalibration } from '../../src/trainer/calibration.ts';
import type { Cell, JudgedScores } from './cells.ts';

type Grader = Pick<Cell, 'scores' | 'labels'>;

/** Standardised grades of what a student learns from, by label key. */
export function meanLabels(graders: readonly Grader[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const grader of graders) {
    const standard = standardOf(grader);
    for (const [key, score] of grader.labels)
      sums.set(key, (sums.get(key) ?? 0) + standard(score) / graders.length);
  }
  return sums;
}

/** Scores of the judged pool, on the same scale. */
export function meanScores(graders: readonly Grader[]): JudgedScores {
  const standards = graders.map(standardOf);
  const mean = (queryId: string, i: number): number =>
    graders.reduce((sum, { scores }, g) => sum + standards[g]!(scores[queryId]![i]!), 0) / graders.length;
  return Object.fromEntries(
    Object.entries(graders[0]!.scores).map(([queryId, own]) => [
      queryId,
      own.map((_, i) => mean(queryId, i)),
    ]),
  );
}

/** The one calibration of both: what a student learns and how its teacher ranks must agree. */
function standardOf({ labels }: Grader): (score: number) => number {
  const calibration = fitCalibration(
    1,
    labels.map(([, score]) => score),
  );
  return (score) => calibrate(score, calibration);
}
