// A student whose score can be computed by hand: 1000 times its generation's number plus the sum of its ids.
// A word is as many ids as it has letters, each 1. It computes when the test says so, or at once.
import type { EncodedPair, GenerationId } from '../../src/contract.ts';
import type { Engine, GoldenCase, QueryDocument, Student } from '../../src/serving/ports.ts';

/** Batches that were asked for and not answered yet, in order. */
export interface Held {
  readonly sequences: readonly EncodedPair[];
  answer(): Promise<void>;
  fail(error: Error): Promise<void>;
}

export interface PlainEngine extends Engine {
  readonly held: Held[];
  /** How many times it was disposed, and of what lengths the batches were. */
  readonly disposals: () => number;
  readonly batches: number[][];
}

/** Lets promises settle, several deep. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 30; i++) await Promise.resolve();
};

const sum = (ids: Int32Array): number => ids.reduce((total, id) => total + id, 0);

export function plainEngine(seed: number, holds = false): PlainEngine {
  const held: Held[] = [];
  const batches: number[][] = [];
  let disposals = 0;
  const score = (sequences: readonly EncodedPair[]): Promise<Float32Array> =>
    new Promise((resolve, reject) => {
      batches.push(sequences.map(({ ids }) => ids.length));
      const logits = Float32Array.from(sequences, ({ ids }) => 1000 * seed + sum(ids));
      if (!holds) return resolve(logits);
      const entry: Held = {
        sequences,
        answer: () => leave(() => resolve(logits)),
        fail: (error) => leave(() => reject(error)),
      };
      const leave = (how: () => void): Promise<void> => {
        held.splice(held.indexOf(entry), 1);
        how();
        return settle();
      };
      held.push(entry);
    });
  const dispose = async (): Promise<void> => {
    disposals++;
  };
  return { score, dispose, held, batches, disposals: () => disposals };
}

export function sequence(length: number): EncodedPair {
  return { ids: new Int32Array(length).fill(1), segments: new Int32Array(length) };
}

export const idOf = (seed: number): GenerationId => `g${String(seed).padStart(6, '0')}` as GenerationId;

const encode = ({ query, document }: QueryDocument, tokensMax: number): EncodedPair =>
  sequence(Math.min(tokensMax, query.length + document.length));

export const plainGolden = (seed: number): GoldenCase[] =>
  [
    { query: 'ab', document: 'cde' },
    { query: 'a', document: 'b'.repeat(40) },
  ].map((text) => {
    const { ids, segments } = encode(text, plainTokensMax);
    return { ...text, ids: [...ids], segments: [...segments], logit: 1000 * seed + sum(ids) };
  });

const plainTokensMax = 20;

export interface PlainStudent extends Student {
  readonly engine: PlainEngine;
  /** Ends its engine, as if somebody had killed it. */
  die(): Promise<void>;
}

export function plainStudent(
  seed: number,
  {
    golden = plainGolden(seed),
    engine = plainEngine(seed),
  }: Partial<Pick<PlainStudent, 'golden' | 'engine'>> = {},
): PlainStudent {
  let onDeath = (_: Error): void => {};
  const died = new Promise<Error>((resolve) => (onDeath = resolve));
  const sizes = { tokensMax: plainTokensMax, positions: 64, bytes: 400 };
  return {
    model: { generation: idOf(seed), weightsSha256: 'f'.repeat(64), ...sizes },
    encode,
    engine,
    golden,
    died,
    die: () => {
      onDeath(new Error(`${idOf(seed)} was killed`));
      return settle();
    },
  };
}
