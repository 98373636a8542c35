// Which results of a page a person looks at and clicks. Two models, both with everything known:
//
// - Position-based (Craswell et al. 2008): P(click at k) = theta_k attractiveness(grade), looks independent.
// - Dynamic Bayesian network (Chapelle & Zhang 2009): the person looks at the first result and clicks what
//   attracts; leaves where a click satisfies; otherwise goes on with probability perseverance.
import { assert } from '../errors.ts';
import type { Random } from '../random.ts';

/** Probabilities by grade 0 to 3. */
export type ByGrade = readonly [number, number, number, number];

export interface PositionBased {
  readonly kind: 'pbm';
  /** Probability of a look, by position from 1. Relative to the first, as a click stream can only tell. */
  readonly theta: readonly number[];
  readonly attractiveness: ByGrade;
}

export interface DynamicBayesian {
  readonly kind: 'dbn';
  readonly attractiveness: ByGrade;
  readonly satisfaction: ByGrade;
  readonly perseverance: number;
}

export type ClickModel = PositionBased | DynamicBayesian;

/** Even an irrelevant result is clicked at times, and a perfect one is not always. */
const attractiveness: ByGrade = [0.02, 0.08, 0.35, 0.85];

export const clickModels: Readonly<Record<ClickModel['kind'], ClickModel>> = {
  pbm: { kind: 'pbm', theta: [1, 0.75, 0.58, 0.47, 0.39, 0.33, 0.28, 0.25, 0.22, 0.2], attractiveness },
  dbn: { kind: 'dbn', attractiveness, satisfaction: [0, 0.1, 0.4, 0.8], perseverance: 0.85 },
};

/** Draws one visit. `grades` by position; true where the person clicked. */
export function drawClicks(model: ClickModel, grades: readonly number[], random: Random): boolean[] {
  if (model.kind === 'pbm')
    return grades.map((grade, i) => random.next() < thetaAt(model, i) * model.attractiveness[grade]!);
  let looking = true;
  return grades.map((grade) => {
    if (!looking) return false;
    const clicked = random.next() < model.attractiveness[grade]!;
    const satisfied = clicked && random.next() < model.satisfaction[grade]!;
    looking = !satisfied && random.next() < model.perseverance;
    return clicked;
  });
}

/** Probability of a look at each position of a page, worked out, not drawn. */
export function examination(model: ClickModel, grades: readonly number[]): number[] {
  if (model.kind === 'pbm') return grades.map((_, i) => thetaAt(model, i));
  let looking = 1;
  return grades.map((grade) => {
    const here = looking;
    looking *= (1 - model.attractiveness[grade]! * model.satisfaction[grade]!) * model.perseverance;
    return here;
  });
}

function thetaAt({ theta }: PositionBased, index: number): number {
  const value = theta[index];
  assert(value !== undefined, `a page has more results than theta has positions, ${theta.length}`);
  return value;
}
