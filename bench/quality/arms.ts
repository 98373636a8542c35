// The rankers that are compared, what each needs, and what of the recipe it changes.
import { RestillError } from '../../src/errors.ts';
import type { TableSource } from './tables.ts';

/** Where preferences come from. */
export type Labels = 'clicks' | 'judgments';

export type Arm =
  /** Learns nothing and needs no model. */
  | { readonly kind: 'floor'; readonly name: 'random' | 'bm25' }
  /** The student's encoder as it was published: cosine of mean-pooled embeddings. */
  | { readonly kind: 'cosine'; readonly name: 'student-cosine' }
  /** The student with a fresh head, before it learns. */
  | { readonly kind: 'fresh'; readonly name: 'student-fresh' }
  /** Looks up what was judged or clicked. */
  | { readonly kind: 'table'; readonly name: TableSource }
  | { readonly kind: 'teacher'; readonly name: string; readonly labels: Labels; readonly pretrain: boolean }
  /** The mean of two rankers, each standardised: what a student that learns from both is to become. */
  | { readonly kind: 'blend'; readonly name: string; readonly from: readonly string[] }
  | {
      readonly kind: 'student';
      readonly name: string;
      /** The arms whose scores it learns: the mean of them, each standardised. */
      readonly from: readonly string[];
      /** w in w PointMSE + (1 - w) MarginMSE; null: as in the recipe. */
      readonly pointWeight: number | null;
    }
  /** sentence-transformers' CrossEncoder on the batches that the named student learnt from. */
  | { readonly kind: 'peer'; readonly name: string; readonly like: string };

const teachers: readonly Arm[] = (['clicks', 'judgments'] as const).flatMap((labels) => [
  { kind: 'teacher', name: `teacher-${labels}`, labels, pretrain: false },
  { kind: 'teacher', name: `teacher-cpt-${labels}`, labels, pretrain: true },
]);

const blends: readonly Arm[] = (['clicks', 'judgments'] as const).map((labels) => ({
  kind: 'blend',
  name: `blend-${labels}`,
  from: [`teacher-${labels}`, 'student-cosine'],
}));

const students: readonly Arm[] = (['clicks', 'judgments'] as const).flatMap((labels) => {
  const of = (how: string, pointWeight: number | null, from = [`teacher-${labels}`]): Arm => ({
    kind: 'student',
    name: `student-${how}-${labels}`,
    from,
    pointWeight,
  });
  return [
    of('point', 1),
    of('margin', 0),
    of('hybrid', null),
    of('blend', null, [`teacher-${labels}`, 'student-cosine']),
  ];
});

/** Without a teacher's faults: what a student can learn of these queries at all. */
const ceilings: readonly Arm[] = (['grades', 'rates'] as const).flatMap((table) => [
  { kind: 'student', name: `student-${table}`, from: [table], pointWeight: null },
  { kind: 'student', name: `student-blend-${table}`, from: [table, 'student-cosine'], pointWeight: null },
]);

export const arms: readonly Arm[] = [
  { kind: 'floor', name: 'random' },
  { kind: 'floor', name: 'bm25' },
  { kind: 'cosine', name: 'student-cosine' },
  { kind: 'fresh', name: 'student-fresh' },
  ...teachers,
  ...blends,
  { kind: 'table', name: 'grades' },
  { kind: 'table', name: 'rates' },
  ...ceilings,
  { kind: 'student', name: 'student-self', from: ['student-cosine'], pointWeight: null },
  ...students,
  { kind: 'peer', name: 'peer-margin-clicks', like: 'student-margin-clicks' },
  { kind: 'peer', name: 'peer-margin-judgments', like: 'student-margin-judgments' },
];

/** @throws RestillError USAGE naming the arms there are. */
export function armNamed(name: string): Arm {
  const arm = arms.find((candidate) => candidate.name === name);
  if (arm) return arm;
  const names = arms.map((candidate) => candidate.name).join(', ');
  throw new RestillError('USAGE', `there is no arm ${name}; there are ${names}`);
}

/** The arms named and all that they need, in an order in which they can be computed. */
export function withNeeds(names: readonly string[]): Arm[] {
  const needed = new Set<string>();
  const add = (name: string): void => {
    for (const need of needsOf(armNamed(name))) add(need);
    needed.add(name);
  };
  for (const name of names) add(name);
  return arms.filter(({ name }) => needed.has(name));
}

/** Whether any student learns from it; what none does need not grade the stream. */
export const isLearntFrom = ({ name }: Arm): boolean => arms.some((arm) => needsOf(arm).includes(name));

export function needsOf(arm: Arm): readonly string[] {
  if (arm.kind === 'student' || arm.kind === 'blend') return arm.from;
  // The peer learns from the same labels, not from what our student made of them.
  return arm.kind === 'peer' ? needsOf(armNamed(arm.like)) : [];
}
