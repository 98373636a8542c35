// golden.jsonl: texts, their token ids and the student's logits, and beside each logit what the usual
// mistakes of a server would make of it. So a running server can be told what it does wrong without the
// student at hand.
import { z } from 'zod';
import type { EncodedPair } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { Tokenizer } from '../tensor/tokenizer.ts';
import type { GoldenText } from './golden-texts.ts';

const vectorSchema = z.object({
  query: z.string(),
  document: z.string(),
  ids: z.array(z.int()).min(1),
  segments: z.array(z.int()),
  logit: z.number(),
  /** `segments-zeroed`, `cut-left`, `cut-longest`, `swapped`, `cut-to-128`, ...: see diagnosis.ts. */
  faults: z.record(z.string(), z.number()),
});

/** One line. A fault that changes nothing about these texts is left out. */
export type GoldenVector = z.infer<typeof vectorSchema>;

/** How the student reads a pair. */
export interface Reading {
  /** Longest sequence that it was trained on. */
  readonly tokensMax: number;
  /** Longest sequence that it can take. */
  readonly positions: number;
  readonly segments: 'bert' | 'none';
}

/** Lengths that servers cut to when nobody tells them. */
const usualLengths = [16, 32, 64, 128, 256, 512];

/** @param score logits of sequences, each on its own. */
export function makeGolden(
  texts: readonly GoldenText[],
  tokenizer: Tokenizer,
  reading: Reading,
  score: (pairs: readonly EncodedPair[]) => Float32Array,
): GoldenVector[] {
  const cases = texts.map((text) => ({
    text,
    right: encodeRight(tokenizer, text, reading),
    wrong: Object.entries(encodeWrong(tokenizer, text, reading)),
  }));
  const differing = cases.map(({ right, wrong }) => wrong.filter(([, pair]) => !isSame(pair, right)));
  const logits = score(cases.flatMap(({ right }, i) => [right, ...differing[i]!.map(([, pair]) => pair)]));
  let at = 0;
  return cases.map(({ text, right }, i) => ({
    ...text,
    ids: [...right.ids],
    segments: [...right.segments],
    logit: logits[at++]!,
    faults: Object.fromEntries(differing[i]!.map(([name]) => [name, logits[at++]!])),
  }));
}

export function encodeRight(
  tokenizer: Tokenizer,
  text: GoldenText,
  reading: Omit<Reading, 'positions'>,
): EncodedPair {
  return tokenizer.encodePair(text.query, plain(text.document), reading.tokensMax, reading.segments);
}

const plain = (document: string) => ({ title: document, summary: '' });

function encodeWrong(
  tokenizer: Tokenizer,
  text: GoldenText,
  { tokensMax, positions, segments }: Reading,
): Record<string, EncodedPair> {
  const { query, document } = text;
  const right = tokenizer.encodePair(query, plain(document), tokensMax, segments);
  const lengths = [...new Set([...usualLengths, positions])].filter((l) => l !== tokensMax && l <= positions);
  return {
    ...(segments === 'bert'
      ? { 'segments-zeroed': { ids: right.ids, segments: new Int32Array(right.ids.length) } }
      : {}),
    'cut-left': cut(tokenizer, text, { tokensMax, segments }, (first, second, room) => [
      first,
      second.slice(Math.max(0, second.length - Math.max(0, room - first.length))),
    ]),
    'cut-longest': cut(tokenizer, text, { tokensMax, segments }, cutLongest),
    swapped: tokenizer.encodePair(document, plain(query), tokensMax, segments),
    ...Object.fromEntries(
      lengths.map((l) => [`cut-to-${l}`, tokenizer.encodePair(query, plain(document), l, segments)]),
    ),
  };
}

type Cut = (first: Int32Array, second: Int32Array, room: number) => [Int32Array, Int32Array];

/** `longest_first`, the default of many clients: tokens go from the end of whichever text is longer. */
const cutLongest: Cut = (first, second, room) => {
  const surplus = Math.max(0, first.length + second.length - room);
  let [one, other] = [first.length, second.length];
  for (let i = 0; i < surplus; i++) {
    if (one > other) one--;
    else other--;
  }
  return [first.slice(0, one), second.slice(0, other)];
};

/** `[CLS] query [SEP] document [SEP]`, cut in another way than ours. */
function cut(
  tokenizer: Tokenizer,
  { query, document }: GoldenText,
  { tokensMax, segments }: Pick<Reading, 'tokensMax' | 'segments'>,
  how: Cut,
): EncodedPair {
  const { classify, separate } = tokenizer.special;
  const texts = [query, document].map((text) => tokenizer.encode(text.trim()));
  const [first, second] = how(texts[0]!, texts[1]!, tokensMax - 3);
  const ids = Int32Array.of(classify!, ...first, separate!, ...second, separate!);
  const ones = new Int32Array(ids.length).fill(segments === 'bert' ? 1 : 0, first.length + 2);
  return { ids, segments: ones };
}

const isSame = (a: EncodedPair, b: EncodedPair): boolean =>
  `${a.ids}` === `${b.ids}` && `${a.segments}` === `${b.segments}`;

// ---------------------------------------------------------------- the file

export const encodeGolden = (vectors: readonly GoldenVector[]): Uint8Array =>
  Buffer.from(vectors.map((vector) => `${JSON.stringify(vector)}\n`).join(''));

/** @throws RestillError `INPUT_UNREADABLE` naming the line. */
export function decodeGolden(text: string): GoldenVector[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw unreadable('it is empty');
  return lines.map((line, i) => {
    try {
      return vectorSchema.parse(JSON.parse(line));
    } catch (cause) {
      throw unreadable(`line ${i + 1} is no golden vector`, cause);
    }
  });
}

const unreadable = (what: string, cause?: unknown): RestillError =>
  new RestillError('INPUT_UNREADABLE', `golden.jsonl: ${what}; export the bundle again`, { cause });
