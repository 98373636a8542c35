// The SCORE turn: the teacher grades what DISTILL is about to use, and the student, which has not seen the new
// groups yet, is tested on them (prequential evaluation: test, then train).
import type { Document } from '../contract.ts';
import { fitCalibration } from './calibration.ts';
import { labelKey } from './labels.ts';
import { type Block, distillPlan, documentOf, type Workshop } from './turn.ts';

interface Wanted {
  readonly query: string;
  readonly document: Document;
}

/**
 * Gives every result that DISTILL will use a label: fresh groups one of this teacher version, replayed ones a new one
 * only where theirs is older than labels.staleness_max versions (promise 6). Fits this version's calibration on the
 * first block it scores. All at the end and at once: an interrupted SCORE leaves no trace.
 *
 * @returns how many labels were made and how many were used again.
 */
export function scoreTurn(shop: Workshop, block: Block): { scored: number; reused: number } {
  const { config, labels, state } = shop;
  const { plan, fresh } = distillPlan(shop, block);
  const version = state.teacherVersion;
  const isFresh = new Set(fresh.map((group) => group.sequence));
  const wanted = new Map<string, Wanted>();
  const used = new Set<string>();
  for (const { group, positive, negative } of plan.flat()) {
    for (const result of [positive, negative]) {
      const document = documentOf(group, result);
      const key = labelKey(group.query, document);
      const staleness = isFresh.has(group.sequence) ? 0 : config.labels.stalenessMax;
      if (labels.fresh(key, version, staleness)) used.add(key);
      else wanted.set(key, { query: group.query, document });
    }
  }
  const scores = teacherScores(shop, [...wanted.values()]);
  [...wanted.keys()].forEach((key, i) => {
    labels.set(key, { teacherVersion: version, score: scores[i]! });
  });
  if (scores.length > 0 && !state.calibrations.some((c) => c.teacherVersion === version)) {
    state.calibrations = [...state.calibrations, fitCalibration(version, scores)].filter(
      (c) => version - c.teacherVersion <= config.labels.stalenessMax,
    );
  }
  return { scored: wanted.size, reused: used.size };
}

/** Raw teacher scores, in the order given. Batches are of like length, so that padding costs next to nothing. */
export function teacherScores(shop: Workshop, texts: readonly Wanted[]): Float32Array {
  const encoded = texts.map(({ query, document }) => shop.encoders.teacherScore(query, document));
  return inBatchesByLength(
    encoded,
    (ids) => ids.length,
    shop.config.labels.batch,
    (b) => shop.teacher.score(b),
  );
}

/** What scoring with the student needs. */
export type Scorer = Pick<Workshop, 'student' | 'encoders' | 'config'>;

/** Student scores, in the order given. */
export function studentScores(shop: Scorer, texts: readonly Wanted[]): Float32Array {
  const encoded = texts.map(({ query, document }) => shop.encoders.studentPair(query, document));
  return inBatchesByLength(
    encoded,
    (p) => p.ids.length,
    shop.config.labels.batch,
    (b) => shop.student.score(b),
  );
}

function inBatchesByLength<T>(
  items: readonly T[],
  length: (item: T) => number,
  batch: number,
  score: (items: T[]) => Float32Array,
): Float32Array {
  const order = items.map((_, i) => i).sort((a, b) => length(items[a]!) - length(items[b]!) || a - b);
  const out = new Float32Array(items.length);
  for (let at = 0; at < order.length; at += batch) {
    const part = order.slice(at, at + batch);
    const scores = score(part.map((i) => items[i]!));
    part.forEach((i, j) => {
      out[i] = scores[j]!;
    });
  }
  return out;
}
