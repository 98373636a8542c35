// Cells: 1. What is written is read back; what was never finished is not there. 2. Other settings are another
// cell: weights of the loss, made-up queries, folds; a teacher does not hang on how students are distilled.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { armNamed, arms, needsOf, withNeeds } from '../../../bench/quality/arms.ts';
import { type Cell, CellStore } from '../../../bench/quality/cells.ts';
import { splitOf } from '../../../bench/quality/folds.ts';
import { type Options, parseOptions } from '../../../bench/quality/options.ts';
import { nameOf } from '../../../bench/quality/plan.ts';
import { parseConfig } from '../../../src/config.ts';
import { temporaryDirectory } from '../../support/directory.ts';

const options = parseOptions([], {});
const fingerprints = { student: 's', teacher: 't' };
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];

const digest = (
  arm: string,
  o: { fold?: number; validate?: boolean; config?: object; options?: Partial<Options> } = {},
): string => {
  const config = parseConfig(o.config ?? {});
  const split = splitOf(ids, { fold: o.fold ?? 0, validate: o.validate ?? false, seed: 1 });
  const inputs = { config, options: { ...options, ...o.options }, fingerprints };
  return nameOf(armNamed(arm), split, inputs).digest;
};

it('reads what was written whole', () => {
  const directory = temporaryDirectory();
  const store = new CellStore(directory);
  const name = { arm: 'random', fold: 0, digest: 'abcdefabcdefabcdef' };
  const cell: Cell = { ...name, settings: {}, scores: { a: [1, 0.5] }, labels: [['k', 2]], notes: {} };
  expect(store.read(name)).toBeNull();
  writeFileSync(join(directory, 'cells', 'random-0-abcdefabcdef.json.part'), '{"arm":');
  expect(store.read(name)).toBeNull();
  store.write(name, cell);
  expect(new CellStore(directory).read(name)).toEqual(cell);
});

it('tells cells apart by what decides about them', () => {
  const distill = { config: { distill: { steps_max: 7 } } };
  const base = digest('student-hybrid-clicks');
  const others = [
    digest('student-point-clicks'),
    digest('student-hybrid-judgments'),
    digest('student-hybrid-clicks', { fold: 1 }),
    digest('student-hybrid-clicks', { validate: true }),
    digest('student-hybrid-clicks', distill),
    digest('student-hybrid-clicks', { config: { finetune: { passes: 3 } } }),
    digest('student-hybrid-clicks', { options: { pseudo: 10 } }),
    digest('student-hybrid-clicks', { options: { teacherLayers: 2 } }),
  ];
  expect(new Set([base, ...others]).size).toBe(1 + others.length);
  expect(digest('teacher-clicks', distill)).toBe(digest('teacher-clicks'));
  expect(digest('teacher-clicks', { options: { work: 'elsewhere', gflops: 1 } })).toBe(
    digest('teacher-clicks'),
  );
});

it('puts what an arm needs before it', () => {
  const order = withNeeds(['peer-margin-clicks', 'student-blend-clicks']).map(({ name }) => name);
  expect(order).toEqual(['student-cosine', 'teacher-clicks', 'student-blend-clicks', 'peer-margin-clicks']);
  for (const arm of arms) for (const need of needsOf(arm)) expect(armNamed(need).name).toBe(need);
  expect(() => armNamed('nobody')).toThrow(/there is no arm nobody/);
});
