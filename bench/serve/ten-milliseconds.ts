// How many documents fit into 10 ms on one core: what a search engine asks before it lets a model in.
import { encodeStudent } from '../../src/checkpoint/onnx-student.ts';
import type { EncodedPair } from '../../src/contract.ts';
import type { Engine } from '../../src/serving/ports.ts';
import { openScorer } from '../../src/serving/scorer.ort.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import type { BertConfig } from '../../src/tensor/model-config.ts';
import { initialize } from '../../src/tensor/parameters.ts';

const budgetMs = 10;
const repeats = 15;

export interface TenMilliseconds {
  readonly shape: string;
  readonly precision: 'float32' | 'int8';
  readonly lengths: string;
  /** The most whose median time is at most 10 ms; 0: one takes longer. */
  readonly documents: number;
  /** Of one document alone. */
  readonly oneMs: number;
}

/** @param texts sequences by the name of their lengths. */
export async function tenMilliseconds(
  shape: string,
  config: BertConfig,
  texts: Readonly<Record<string, readonly EncodedPair[]>>,
): Promise<TenMilliseconds[]> {
  const weights = initialize(bertParameters(config), 1);
  const answers: TenMilliseconds[] = [];
  for (const precision of ['float32', 'int8'] as const) {
    const engine = await openScorer(encodeStudent(config, weights, { precision, metadata: {} }), {
      threads: 1,
    });
    for (const [lengths, sequences] of Object.entries(texts)) {
      const oneMs = Number((await medianMs(engine, sequences.slice(0, 1))).toFixed(2));
      answers.push({ shape, precision, lengths, documents: await largest(engine, sequences), oneMs });
    }
    await engine.dispose();
  }
  return answers;
}

/** Doubling, then bisection: time grows with the number. */
async function largest(engine: Engine, sequences: readonly EncodedPair[]): Promise<number> {
  const isInTime = async (count: number): Promise<boolean> =>
    (await medianMs(engine, sequences.slice(0, count))) <= budgetMs;
  let [fits, above] = [0, 1];
  const most = sequences.length + 1;
  while (above < most && (await isInTime(above))) [fits, above] = [above, Math.min(most, 2 * above)];
  while (above - fits > 1) {
    const middle = (fits + above) >> 1;
    if (await isInTime(middle)) fits = middle;
    else above = middle;
  }
  return fits;
}

/** Processor time: what else the machine does is not the question. */
async function medianMs(engine: Engine, sequences: readonly EncodedPair[]): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const start = process.cpuUsage();
    await engine.score(sequences);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
  }
  return times.sort((a, b) => a - b)[repeats >> 1]!;
}
