// What a server does wrong, from what it says to golden texts. Every usual mistake has a signature: the
// logits that golden.jsonl holds for it, with or without a sigmoid on top.
import type { GoldenVector } from './golden.ts';

export interface Expectation {
  /** What the server is asked for. */
  readonly scores: 'raw' | 'sigmoid';
  /** How far a score may be from the golden one. */
  readonly tolerance: number;
  /** Golden vectors of other generations, which may be live instead. */
  readonly others: readonly { readonly generation: string; readonly golden: readonly GoldenVector[] }[];
}

export interface Diagnosis {
  /** None: all scores are right. `unknown`: wrong in no known way. Else all that would explain them. */
  readonly faults: readonly string[];
  /** In words, one for each fault. */
  readonly says: readonly string[];
  readonly largestGap: number;
  /** Faults that change none of these scores by more than the tolerance: nothing is known about them. */
  readonly invisible: readonly string[];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const transforms = {
  raw: (x: number) => x,
  sigmoid,
  'sigmoid-twice': (x: number) => sigmoid(sigmoid(x)),
} as const;
type Transform = keyof typeof transforms;

const transformText: Readonly<Record<Transform, string>> = {
  raw: 'gives raw logits without a sigmoid',
  sigmoid: 'applies a sigmoid where raw logits were asked for',
  'sigmoid-twice': 'applies the sigmoid twice',
};

const faultText: Readonly<Record<string, string>> = {
  'segments-zeroed':
    'sends segment 0 for the document too: pass token_type_ids on, or train with student.segments: none',
  'cut-left': 'cuts long documents from the left: cut from the right',
  'cut-longest':
    'cuts the longer text first, so a query of more than half the length too: cut the document alone ' +
    '(only_second), in the client, as no file of a model says it; where queries are short accept it',
  swapped: 'takes the document for the query: exchange the two',
};

/** @param observed one score for each vector, in its order. */
export function diagnose(
  golden: readonly GoldenVector[],
  observed: readonly number[],
  expectation: Expectation,
): Diagnosis {
  const { scores, tolerance, others } = expectation;
  const names = [...new Set(golden.flatMap(({ faults }) => Object.keys(faults)))].sort();
  const expected = golden.map(({ logit }) => transforms[scores](logit));
  const variant = (name: string) => golden.map(({ logit, faults }) => faults[name] ?? logit);
  const gapTo = (candidate: readonly number[], transform: Transform): number =>
    largest(observed.map((x, i) => gap(x, transforms[transform](candidate[i]!))));
  const invisible = names.filter((name) => {
    const wrong = variant(name).map(transforms[scores]);
    return largest(wrong.map((x, i) => gap(x, expected[i]!))) <= 2 * tolerance;
  });
  const largestGap = largest(observed.map((x, i) => gap(x, expected[i]!)));
  const found = (faults: readonly string[], says: readonly string[]): Diagnosis => ({
    faults,
    says,
    largestGap,
    invisible,
  });
  if (largestGap <= tolerance) return found([], []);
  const visible = names.filter((name) => !invisible.includes(name));
  const fits = [...candidates(visible, scores)].filter(
    ([name, transform]) =>
      gapTo(name === null ? golden.map((v) => v.logit) : variant(name), transform) <= tolerance,
  );
  if (fits.length > 0)
    return found(
      fits.map((fit) => nameOf(fit, scores)),
      fits.map((fit) => textOf(fit, scores)),
    );
  const other = others.find(({ golden: theirs }) => {
    const logits = golden.map((vector) => theirs.find((v) => isSameText(v, vector))?.logit);
    return logits.every((x) => x !== undefined) && gapTo(logits, scores) <= tolerance;
  });
  if (other) return found(['wrong-version'], [`serves generation ${other.generation}`]);
  return found(['unknown'], [unknownText(golden, observed, expected, tolerance)]);
}

type Candidate = readonly [fault: string | null, transform: Transform];

/** One mistake before two. */
function* candidates(faults: readonly string[], scores: 'raw' | 'sigmoid'): Generator<Candidate> {
  const wrongTransforms = (Object.keys(transforms) as Transform[]).filter((name) => name !== scores);
  for (const fault of faults) yield [fault, scores];
  for (const transform of wrongTransforms) yield [null, transform];
  for (const transform of wrongTransforms) for (const fault of faults) yield [fault, transform];
}

/** `cut-left`, `sigmoid`, or both: `cut-left+sigmoid`. */
const nameOf = ([fault, transform]: Candidate, scores: 'raw' | 'sigmoid'): string =>
  [fault, transform === scores ? null : transformName[transform]].filter((part) => part !== null).join('+');

const transformName: Readonly<Record<Transform, string>> = {
  raw: 'no-sigmoid',
  sigmoid: 'sigmoid',
  'sigmoid-twice': 'sigmoid-twice',
};

function textOf([fault, transform]: Candidate, scores: 'raw' | 'sigmoid'): string {
  const length = /^cut-to-(\d+)$/.exec(fault ?? '')?.[1];
  const reading = length
    ? `cuts to ${length} tokens: set its maximum length to the model's`
    : faultText[fault ?? ''];
  return [reading, transform === scores ? undefined : transformText[transform]]
    .filter((part) => part !== undefined)
    .join(', and ');
}

function unknownText(
  golden: readonly GoldenVector[],
  observed: readonly number[],
  expected: readonly number[],
  tolerance: number,
): string {
  if (observed.every((x) => x === 1)) return 'gives 1 to everything: a softmax over the one label';
  const gaps = observed.map((x, i) => gap(x, expected[i]!));
  const worst = gaps.indexOf(largest(gaps));
  const query = golden[worst]!.query.slice(0, 40);
  const where = `${observed[worst]} instead of ${expected[worst]} for the query "${query}"`;
  return largest(gaps) < 100 * tolerance
    ? `is off by little, at most ${where}: another precision? If that is meant, give a larger --tolerance`
    : `differs in no known way, most with ${where}: other weights, or another tokenizer`;
}

const isSameText = (a: GoldenVector, b: GoldenVector): boolean =>
  a.query === b.query && a.document === b.document;

/** NaN is as far from everything as can be. */
const gap = (a: number, b: number): number => (Number.isNaN(a - b) ? Infinity : Math.abs(a - b));

const largest = (gaps: readonly number[]): number => gaps.reduce((most, one) => Math.max(most, one), 0);
