// Whether a student may answer: it must read and score the texts of its generation as training did.
import { RestillError } from '../errors.ts';
import type { GoldenCase, QueryDocument, Student } from './ports.ts';

/** Of a logit of about 1, in float32 and whatever order of summation; of larger ones in proportion. */
export const goldenTolerance = 1e-4;

/** For a generation without golden logits: then only that there is a number for each can be known. */
const warmUp: readonly QueryDocument[] = [
  { query: 'a', document: 'b' },
  { query: 'red running shoes', document: 'Trail runner. Light shoe with a grippy sole.' },
  { query: 'crème brûlée', document: 'naïve café décor: 12.5 cm, 3/4" nozzle (2-pack) '.repeat(40) },
];

/**
 * Scores the golden texts, which warms the engine up as well.
 *
 * @returns whether it was proven: false where the generation has no golden logits.
 * @throws RestillError `GENERATION_UNPROVEN` naming the text that is read or scored in another way.
 */
export async function prove(student: Student): Promise<boolean> {
  const { golden, model } = student;
  const texts = golden ?? warmUp;
  const pairs = texts.map((text) => student.encode(text, model.tokensMax));
  const logits = await student.engine.score(pairs);
  texts.forEach((text, i) => {
    const what = differs(pairs[i]!, logits[i]!, golden?.[i] ?? null);
    if (what !== null) throw unproven(student, text, what);
  });
  return golden !== null;
}

type Tokens = { readonly ids: ArrayLike<number>; readonly segments: ArrayLike<number> };

/** Null where it does not. Written so that a logit that is no number differs. */
function differs(read: Tokens, logit: number, expected: GoldenCase | null): string | null {
  if (!Number.isFinite(logit)) return `is scored ${logit}`;
  if (expected === null) return null;
  if (!isSame(read.ids, expected.ids)) return 'becomes other tokens than in training';
  if (!isSame(read.segments, expected.segments)) return 'gets other segments than in training';
  const tolerance = goldenTolerance * Math.max(1, Math.abs(expected.logit));
  if (Math.abs(logit - expected.logit) <= tolerance) return null;
  return `is scored ${logit}, training computed ${expected.logit} (tolerance ${tolerance.toPrecision(2)})`;
}

const isSame = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.from(a).every((value, i) => value === b[i]);

const unproven = ({ model }: Student, text: QueryDocument, what: string): RestillError =>
  new RestillError(
    'GENERATION_UNPROVEN',
    `generation ${model.generation}: golden query ${JSON.stringify(text.query.slice(0, 40))} ${what}; ` +
      'its parts do not belong together or this machine computes wrongly: serve another generation',
  );
