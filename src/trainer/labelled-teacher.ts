// A remote teacher of whom part of the answers is known already: scorers have asked it ahead of us.
//
// Invariant: what is known is what the same model would answer, so whether it is known decides about time and
// requests, never about what is learnt (promise 2, as far as the teacher repeats itself).
import type { Graded, RemoteTeacher } from './grading.ts';
import { labelKey } from './labels.ts';

export interface KnownLabels {
  /** Takes in what has become known meanwhile. Never throws: what is not known is asked for. */
  catchUp(): Promise<void>;
  /** Raw score of that model, by the label's key. */
  get(key: string, model: string): number | undefined;
}

export function openLabelledTeacher(teacher: RemoteTeacher, known: KnownLabels): RemoteTeacher {
  return {
    identify: (signal) => teacher.identify(signal),
    async *grade(texts, signal) {
      const model = await teacher.identify(signal);
      if (model === null) return null;
      await known.catchUp();
      const scores = texts.map(({ query, document }) => known.get(labelKey(query, document), model));
      const unknown = scores.flatMap((score, at) => (score === undefined ? [at] : []));
      const wanted: Graded[] = unknown.map((at) => texts[at]!);
      const asked = wanted.length === 0 ? new Float32Array() : yield* teacher.grade(wanted, signal);
      if (asked === null) return null;
      const out = Float32Array.from(scores, (score) => score ?? 0);
      for (const [at, index] of unknown.entries()) out[index] = asked[at]!;
      return out;
    },
  };
}
