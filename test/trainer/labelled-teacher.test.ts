// labelled-teacher.ts: known labels and asked ones come together in the order of the texts; only what is not
// known is asked; another model's labels are not taken; a stop is a stop.
import { expect, test } from 'vitest';
import type { Graded, RemoteTeacher } from '../../src/trainer/grading.ts';
import { type KnownLabels, openLabelledTeacher } from '../../src/trainer/labelled-teacher.ts';
import { labelKey } from '../../src/trainer/labels.ts';

const texts: Graded[] = ['a', 'b', 'c', 'd'].map((title, at) => ({
  query: `query ${at}`,
  document: { title, summary: '' },
}));
const key = (at: number): string => labelKey(texts[at]!.query, texts[at]!.document);

/** Gives 100 and up, in the order asked; keeps what it was asked. */
function openTeacher(model: string | null) {
  const asked: string[] = [];
  const teacher: RemoteTeacher = {
    identify: async () => model,
    async *grade(wanted, signal) {
      yield { done: 1, of: 1 };
      if (signal.aborted) return null;
      asked.push(...wanted.map(({ query }) => query));
      return Float32Array.from(wanted, (_, at) => 100 + at);
    },
  };
  return { teacher, asked };
}

async function graded(model: string | null, known: Record<string, number>, signal = live) {
  const { teacher, asked } = openTeacher(model);
  let caught = 0;
  const labels: KnownLabels = {
    catchUp: async () => void caught++,
    get: (of, by) => (by === 'grader' && caught > 0 ? known[of] : undefined),
  };
  const steps = openLabelledTeacher(teacher, labels).grade(texts, signal);
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return { scores: step.value && [...step.value], asked };
}
const live = new AbortController().signal;

test('asks for what is not known, and puts both in order', async () => {
  expect(await graded('grader', { [key(0)]: 0, [key(2)]: -3 })).toEqual({
    scores: [0, 100, -3, 101],
    asked: ['query 1', 'query 3'],
  });
});

test('asks for nothing when all is known', async () => {
  const known = Object.fromEntries(texts.map((_, at) => [key(at), at]));
  expect(await graded('grader', known)).toEqual({ scores: [0, 1, 2, 3], asked: [] });
});

test('labels of another model are not taken', async () => {
  expect((await graded('newer', { [key(0)]: 7 })).scores).toEqual([100, 101, 102, 103]);
});

test('a stop leaves nothing', async () => {
  expect(await graded(null, {})).toEqual({ scores: null, asked: [] });
  expect((await graded('grader', {}, AbortSignal.abort())).scores).toBeNull();
});
