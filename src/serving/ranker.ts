// The students of a data directory behind one question: how do these documents rank?
import type { Timer } from '../clock.ts';
import type { EncodedPair } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { Batcher } from './batching.ts';
import { ServeBusy } from './busy.ts';
import type {
  LoadStudent,
  QueryDocument,
  Ranked,
  Ranker,
  RankerSettings,
  RankOptions,
  Refusal,
  ServingNews,
  Student,
  Wanted,
  Which,
} from './ports.ts';
import { Slot } from './slot.ts';
import { refusalOf, type Served, Succession } from './succession.ts';

export interface RankerOptions {
  readonly settings: RankerSettings;
  readonly load: LoadStudent;
  readonly timer: Timer;
  /** Lets the event loop run. */
  readonly breathe: () => Promise<void>;
  readonly onNews: (news: ServingNews) => void;
}

/** A ranker and what makes it follow a data directory. */
export interface GuidedRanker extends Ranker {
  want(wanted: Wanted): void;
  /** The live pointer cannot be read: whoever answers goes on. Told once for each new reason. */
  unreadable(error: unknown): void;
}

/** Texts read in one go: about a millisecond, so that other requests are not kept waiting. */
const textsAtOnce = 16;

export const openRanker = (options: RankerOptions): GuidedRanker => new SlotRanker(options);

class SlotRanker implements GuidedRanker {
  readonly #o: RankerOptions;
  readonly #slot: Slot<Served>;
  readonly #succession: Succession;
  /** Pairs that were accepted and not answered. */
  #queued = 0;
  #requests = 0;
  #counts = { swaps: 0, refusals: 0, batches: 0, pairs: 0 };
  #refusal: Refusal | null = null;
  #unreadable = '';
  #closed = false;
  #onIdle = (): void => {};
  readonly #disposals = new Set<Promise<void>>();

  constructor(options: RankerOptions) {
    this.#o = options;
    this.#slot = new Slot<Served>((served) => this.#dispose(served));
    const { settings, load, timer } = options;
    const onNews = (news: ServingNews): void => this.#tell(news);
    const batcherFor = (student: Student): Batcher => this.#batcherFor(student);
    this.#succession = new Succession({ slot: this.#slot, settings, load, timer, onNews, batcherFor });
  }

  async rank(pairs: readonly QueryDocument[], options: RankOptions): Promise<Ranked> {
    const { which, signal } = options;
    signal.throwIfAborted();
    const lease = this.#closed ? null : this.#slot.lease(which);
    if (lease === null) throw this.#notReady(which);
    try {
      if (this.#queued > 0 && this.#queued + pairs.length > this.#o.settings.queueMax) throw this.#busy();
      this.#queued += pairs.length;
      this.#requests++;
      try {
        return await this.#answer(lease.student, pairs, options);
      } finally {
        this.#queued -= pairs.length;
        if (--this.#requests === 0) this.#onIdle();
      }
    } finally {
      lease.release();
    }
  }

  async #answer(
    { model, student, batcher }: Served,
    pairs: readonly QueryDocument[],
    { signal, cut }: RankOptions,
  ): Promise<Ranked> {
    const { generation } = model;
    if (pairs.length === 0) return { generation, logits: new Float32Array(0), tokens: 0 };
    const sequences: EncodedPair[] = [];
    for (const [i, pair] of pairs.entries()) {
      if (i > 0 && i % textsAtOnce === 0) {
        await this.#o.breathe();
        signal.throwIfAborted();
      }
      sequences.push(cut ? student.encode(pair, model.tokensMax) : uncut(student, pair));
    }
    const logits = await batcher.score(sequences, signal);
    return { generation, logits, tokens: sequences.reduce((sum, { ids }) => sum + ids.length, 0) };
  }

  live(): Served['model'] | null {
    return this.#slot.places.live?.model ?? null;
  }

  lastRefusal(): Refusal | null {
    return this.#refusal;
  }

  figures(): ReturnType<Ranker['figures']> {
    return { queuedPairs: this.#queued, ...this.#counts };
  }

  want(wanted: Wanted): void {
    this.#unreadable = '';
    if (!this.#closed) this.#succession.want(wanted);
  }

  unreadable(error: unknown): void {
    const refusal = refusalOf(null, error, this.#o.timer.now());
    if (refusal.message === this.#unreadable) return;
    this.#unreadable = refusal.message;
    this.#tell({ kind: 'refused', refusal });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#requests > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#succession.close();
    await Promise.all(this.#disposals);
  }

  #batcherFor({ engine }: Student): Batcher {
    const onBatch = (sequences: number): void => {
      this.#counts.batches++;
      this.#counts.pairs += sequences;
    };
    const { timer, settings } = this.#o;
    return new Batcher({ engine, clock: timer, budgetMs: settings.batchBudgetMs, onBatch });
  }

  #dispose({ student, model }: Served): void {
    const { generation } = model;
    // One that cannot end properly has ended: there is nothing to be done about it.
    const disposal = student.engine.dispose().catch(() => {});
    this.#disposals.add(disposal);
    void disposal.then(() => {
      this.#disposals.delete(disposal);
      this.#tell({ kind: 'disposed', generation });
    });
  }

  #tell(news: ServingNews): void {
    if (news.kind === 'live') this.#counts.swaps++;
    if (news.kind === 'refused') {
      this.#counts.refusals++;
      this.#refusal = news.refusal;
    }
    this.#o.onNews(news);
  }

  #busy(): ServeBusy {
    const { live, candidate } = this.#slot.places;
    const waitMs = Math.ceil((live?.batcher.backlogMs ?? 0) + (candidate?.batcher.backlogMs ?? 0));
    return new ServeBusy(
      `${this.#queued} pairs wait to be scored, at most ${this.#o.settings.queueMax} may ` +
        `(serve.queue_max); come again in ${waitMs} ms`,
      waitMs,
    );
  }

  #notReady(which: Which): RestillError {
    if (this.#closed) return new RestillError('SERVE_NOT_READY', 'this server is stopping; ask another one');
    const why = this.#refusal ? `; the last one was refused: ${this.#refusal.message}` : '';
    return new RestillError(
      'SERVE_NOT_READY',
      which === 'live'
        ? `no generation answers yet; wait for the first promotion${why}`
        : 'there is no candidate beside the live generation; ask the live one',
    );
  }
}

/** @throws RestillError `SERVE_TEXT_TOO_LONG`. */
function uncut({ encode, model: { tokensMax } }: Student, pair: QueryDocument): EncodedPair {
  const whole = encode(pair, Number.MAX_SAFE_INTEGER);
  if (whole.ids.length <= tokensMax) return whole;
  throw new RestillError(
    'SERVE_TEXT_TOO_LONG',
    `a query and its document are ${whole.ids.length} tokens together, the student reads ${tokensMax}; ` +
      'send shorter texts or allow them to be cut',
  );
}
