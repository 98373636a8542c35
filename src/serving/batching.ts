// Batches for one student's engine, from the requests that wait for it. An idle engine begins at once:
// nothing is gained by waiting for company, since a batch costs what its tokens cost. While it computes,
// others come together. A batch is as large as it may be to take about `budgetMs`: so long a new request
// waits for its first turn at most twice (one batch is computed, the next one is on its way, so that no
// engine idles).
//
// Invariants:
// 1. A sequence that was accepted is scored once, or its request is rejected: never both, never neither.
// 2. No more than two batches are under way.
// 3. What is aborted takes no further turn.
import type { Clock } from '../clock.ts';
import type { EncodedPair } from '../contract.ts';
import { assert } from '../errors.ts';
import { FairQueue, type Flow } from './fair-queue.ts';
import type { Engine } from './ports.ts';

const underWayMax = 2;
/** Tokens of a batch until the engine's speed is known, and between which bounds it may be. */
const tokensFirst = 1024;
const [tokensMin, tokensMax] = [256, 32_768];
/** How much the newest batch counts in the estimate of the speed. */
const newestShare = 0.2;

interface Request {
  readonly logits: Float32Array;
  missing: number;
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
}

interface Item {
  readonly request: Request;
  readonly index: number;
  readonly sequence: EncodedPair;
}

export interface BatcherOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly budgetMs: number;
  /** Told of every batch that was scored. */
  readonly onBatch: (sequences: number) => void;
}

export class Batcher {
  readonly #o: BatcherOptions;
  readonly #queue = new FairQueue<Item>(({ sequence }) => sequence.ids.length);
  #underWay = 0;
  /** Tokens in the batches under way. */
  #underWayTokens = 0;
  /** When the engine became free for the batch that it computes now. */
  #freeSince = 0;
  /** Estimate; null before the first batch. */
  #tokensPerMs: number | null = null;

  constructor(options: BatcherOptions) {
    this.#o = options;
  }

  /** Estimate of how long what waits and is under way will take. */
  get backlogMs(): number {
    return (this.#queue.waiting + this.#underWayTokens) / (this.#tokensPerMs ?? 1);
  }

  /**
   * @returns logits in the order of the sequences, of which there is at least one.
   * @throws what the engine throws, or the signal's reason once it is aborted.
   */
  async score(sequences: readonly EncodedPair[], signal: AbortSignal): Promise<Float32Array> {
    assert(sequences.length > 0, 'a request has sequences');
    signal.throwIfAborted();
    let flow: Flow<Item> | null = null;
    let forget = (): void => {};
    const scored = new Promise<Float32Array>((resolve, reject) => {
      const request = {
        logits: new Float32Array(sequences.length),
        missing: sequences.length,
        resolve,
        reject,
      };
      const items = sequences.map((sequence, index) => ({ request, index, sequence }));
      // Neighbours in the queue meet in a batch: like lengths beside each other cost least.
      flow = this.#queue.add(items.sort((a, b) => a.sequence.ids.length - b.sequence.ids.length));
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort);
      forget = () => signal.removeEventListener('abort', abort);
    });
    this.#pump();
    try {
      return await scored;
    } finally {
      forget();
      this.#queue.remove(flow!); // What is left of it after an error or an abort.
    }
  }

  #pump(): void {
    while (this.#underWay < underWayMax && this.#queue.size > 0) {
      const items = this.#queue.take(this.#batchTokens());
      void this.#run(items);
    }
  }

  #batchTokens(): number {
    if (this.#tokensPerMs === null) return tokensFirst;
    return Math.min(tokensMax, Math.max(tokensMin, this.#tokensPerMs * this.#o.budgetMs));
  }

  async #run(items: readonly Item[]): Promise<void> {
    const tokens = items.reduce((sum, { sequence }) => sum + sequence.ids.length, 0);
    const { clock, engine, onBatch } = this.#o;
    if (this.#underWay++ === 0) this.#freeSince = clock.elapsed();
    this.#underWayTokens += tokens;
    try {
      const logits = await engine.score(items.map(({ sequence }) => sequence));
      assert(logits.length === items.length, 'an engine gives one logit a sequence');
      this.#learn(tokens);
      onBatch(items.length);
      for (const [i, { request, index }] of items.entries()) {
        request.logits[index] = logits[i]!;
        if (--request.missing === 0) request.resolve(request.logits);
      }
    } catch (error) {
      for (const { request } of items) request.reject(error);
    } finally {
      this.#underWay--;
      this.#underWayTokens -= tokens;
      this.#pump();
    }
  }

  /** Batches are computed one after the other: this one since the engine was free for it. */
  #learn(tokens: number): void {
    const now = this.#o.clock.elapsed();
    const ms = now - this.#freeSince;
    this.#freeSince = now;
    if (ms <= 0) return;
    const speed = tokens / ms;
    const before = this.#tokensPerMs;
    this.#tokensPerMs = before === null ? speed : before + newestShare * (speed - before);
  }
}
