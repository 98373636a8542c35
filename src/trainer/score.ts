// The SCORE turn: the teacher grades what DISTILL is about to use.
import type { Config } from '../config.ts';
import { batchesByLength } from './batch.ts';
import { fitCalibration } from './calibration.ts';
import type { Graded } from './grading.ts';
import { type Label, labelKey } from './labels.ts';
import { type Block, distillPlan, documentOf, type StepDone, type Steps, type Workshop } from './turn.ts';

/** What a SCORE turn has to do under a teacher version. */
export interface ScorePlan {
  readonly version: number;
  /** Without a label that may be used, by the label's key. */
  readonly wanted: ReadonlyMap<string, Graded>;
  /** The labels that may. */
  readonly used: ReadonlyMap<string, Label>;
}

/**
 * Gives every result that DISTILL will use a label: fresh groups one of this teacher version, replayed ones a
 * new one only where theirs is older than labels.staleness_max versions (promise 6). Fits this version's
 * calibration on what it scores first. All at the end and at once: an interrupted SCORE leaves no trace.
 */
export function* scoreTurn(shop: Workshop, block: Block): Steps {
  const plan = planScores(shop, block, shop.state.teacherVersion);
  const scores = yield* teacherScoring(shop, [...plan.wanted.values()]);
  settleScores(shop, plan, scores);
}

export function planScores(shop: Workshop, block: Block, version: number): ScorePlan {
  const { config, labels } = shop;
  const { plan, fresh } = distillPlan(shop, block);
  const isFresh = new Set(fresh.map((group) => group.sequence));
  const wanted = new Map<string, Graded>();
  const used = new Map<string, Label>();
  for (const { group, positive, negative } of plan.flat()) {
    for (const result of [positive, negative]) {
      const document = documentOf(group, result);
      const key = labelKey(group.query, document);
      const staleness = isFresh.has(group.sequence) ? 0 : config.labels.stalenessMax;
      const label = labels.fresh(key, version, staleness);
      if (label) used.set(key, label);
      else wanted.set(key, { query: group.query, document });
    }
  }
  return { version, wanted, used };
}

/** @param scores of what was wanted, in its order. */
export function settleScores(
  { config, labels, state }: Workshop,
  { version, wanted, used }: ScorePlan,
  scores: Float32Array,
): void {
  // Used again is as good as new: what DISTILL needs is what the table forgets last.
  for (const [key, label] of used) labels.set(key, label);
  [...wanted.keys()].forEach((key, i) => {
    labels.set(key, { teacherVersion: version, score: scores[i]! });
  });
  // A remote teacher stays of one version over many turns, and its scale must not move meanwhile.
  const isCalibrated = state.calibrations.some(({ teacherVersion }) => teacherVersion === version);
  if (scores.length > 0 && !isCalibrated)
    state.calibrations = [...state.calibrations, fitCalibration(version, scores)].filter(
      (c) => version - c.teacherVersion <= config.labels.stalenessMax,
    );
  Object.assign(state.figures, {
    'score.labels': wanted.size,
    'score.reused': used.size,
    'score.labelAgeMax': oldest([...used.values()], version),
  });
}

/** Age of the oldest label, in teacher versions; 0 without any. */
const oldest = (labels: readonly Label[], version: number): number =>
  labels.reduce((age, { teacherVersion }) => Math.max(age, version - teacherVersion), 0);

/** Raw teacher scores, in the order given. */
export const teacherScores = (shop: Workshop, texts: readonly Graded[]): Float32Array =>
  finished(teacherScoring(shop, texts));

function teacherScoring(shop: Workshop, texts: readonly Graded[]): Scoring {
  const encoded = texts.map(({ query, document }) => shop.encoders.teacherScore(query, document));
  return inBatchesByLength(
    encoded,
    (ids) => ids.length,
    shop.config.labels,
    (b) => shop.teacher.score(b),
  );
}

/** What scoring with the student needs. */
export type Scorer = Pick<Workshop, 'student' | 'encoders' | 'config'>;

/** Student scores, in the order given. */
export function studentScores(shop: Scorer, texts: readonly Graded[]): Float32Array {
  const encoded = texts.map(({ query, document }) => shop.encoders.studentPair(query, document));
  const scoring = inBatchesByLength(
    encoded,
    (p) => p.ids.length,
    shop.config.labels,
    (b) => shop.student.score(b),
  );
  return finished(scoring);
}

/** A step per batch. */
type Scoring = Generator<StepDone, Float32Array>;

/** The result is in the order of the items, whichever batches they are scored in. */
function* inBatchesByLength<T>(
  items: readonly T[],
  length: (item: T) => number,
  { batch, batchTokens }: Config['labels'],
  score: (items: T[]) => Float32Array,
): Scoring {
  const batches = batchesByLength(items.map(length), { items: batch, tokens: batchTokens });
  const out = new Float32Array(items.length);
  for (const [done, indices] of batches.entries()) {
    const scores = score(indices.map((i) => items[i]!));
    indices.forEach((i, j) => {
      out[i] = scores[j]!;
    });
    yield { done: done + 1, of: batches.length };
  }
  return out;
}

function finished(scoring: Scoring): Float32Array {
  let next = scoring.next();
  while (!next.done) next = scoring.next();
  return next.value;
}
