// The smallest ranker that does all that the port promises: a logit follows from the texts and the generation
// alone, so a test can say which one it was. It answers at once, or when it is let.
import type { GenerationId } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';
import { ServeBusy } from '../../src/serving/busy.ts';
import type { QueryDocument, Ranked, Ranker, RankOptions, Refusal } from '../../src/serving/ports.ts';

/** Ids of generations in tests: 1 -> g000001. */
export const generationOf = (number: number): GenerationId =>
  `g${String(number).padStart(6, '0')}` as GenerationId;

/** Two for each word in common, less the difference of the lengths over 64, and an eighth of the number. */
function logitOf({ query, document }: QueryDocument, generation: number): number {
  const words = new Set(query.toLowerCase().split(/\s+/));
  const common = document
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => words.has(word)).length;
  return Math.fround(2 * common - Math.abs(document.length - query.length) / 64 + generation / 8);
}

/** Its tokens are words. */
const tokensOf = ({ query, document }: QueryDocument): number =>
  `${query} ${document}`.split(/\s+/).filter((word) => word !== '').length + 3;

const smallModel = { tokensMax: 512, positions: 512, weightsSha256: 'ab'.repeat(32), bytes: 1234 };

export class SmallRanker implements Ranker {
  /** Number of the live generation; null: none. */
  generation: number | null = 7;
  refusal: Refusal | null = null;
  /** Pairs. */
  queueMax = 10_000;
  /** Instead of an answer. */
  breaks: (() => unknown) | null = null;
  /** Asked and not answered. */
  waiting = 0;
  /** Requests that were given up by those who asked. */
  aborted = 0;
  isClosed = false;
  #held: (() => void)[] | null = null;
  #queued = 0;
  #pairs = 0;

  /** From now on answers wait for `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    for (const go of this.#held?.splice(0) ?? []) go();
    this.#held = null;
  }

  async rank(pairs: readonly QueryDocument[], { signal, cut }: RankOptions): Promise<Ranked> {
    const generation = this.generation;
    if (generation === null) throw new RestillError('SERVE_NOT_READY', 'none yet');
    if (this.breaks !== null) throw this.breaks();
    if (!cut && pairs.some((pair) => tokensOf(pair) > smallModel.tokensMax))
      throw new RestillError('SERVE_TEXT_TOO_LONG', `more than ${smallModel.tokensMax} tokens`);
    if (this.#queued + pairs.length > this.queueMax) throw new ServeBusy('full', 1500);
    this.#queued += pairs.length;
    this.waiting++;
    try {
      await this.#turn(signal);
    } finally {
      this.#queued -= pairs.length;
      this.waiting--;
    }
    this.#pairs += pairs.length;
    return {
      generation: generationOf(generation),
      logits: Float32Array.from(pairs, (pair) => logitOf(pair, generation)),
      tokens: pairs.reduce((sum, pair) => sum + tokensOf(pair), 0),
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    const held = this.#held;
    if (held === null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      held.push(resolve);
      signal.addEventListener('abort', () => {
        this.aborted++;
        reject(signal.reason as Error);
      });
    });
  }

  live(): ReturnType<Ranker['live']> {
    if (this.generation === null) return null;
    return { ...smallModel, generation: generationOf(this.generation), since: 1_767_225_600_000 };
  }

  lastRefusal(): Refusal | null {
    return this.refusal;
  }

  figures(): ReturnType<Ranker['figures']> {
    return { queuedPairs: this.#queued, swaps: 0, refusals: 0, batches: 0, pairs: this.#pairs };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
