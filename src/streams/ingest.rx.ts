// Ingest, conducted: source -> merge -> what is new -> decode and intake -> journal, one transaction after
// the other. It works at its own pace: the next batch is read when the one before has been handed to the
// journal, so nothing queues up. While one transaction is being written, the next batch is read and parsed;
// there is never a second one in flight.
import { concatMap, defer, filter, map, type Observable, repeat, takeWhile } from 'rxjs';
import type { Config } from '../config.ts';
import type { IngestCounts, JournalStatus, PartitionClock } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { type Batching, type Harvest, type OpenBatching, openBatching } from './batch.ts';
import { type Merge, openMerge, openPassage } from './merge.ts';
import type { DeadLetterFile, IngestItem, Journal, Source } from './ports.ts';
import { openRecordOrder } from './record-order.ts';

export interface IngestParts {
  readonly config: Config;
  readonly source: Source<IngestItem>;
  readonly journal: Pick<Journal, 'status' | 'loadState' | 'append' | 'capacity' | 'room'>;
  readonly deadLetters: DeadLetterFile;
}

/** What is durable. */
export interface IngestProgress {
  readonly status: JournalStatus;
  readonly counts: IngestCounts;
  readonly bytesRead: number;
  readonly bytesTotal: number;
  /** At most a transaction ahead of what is durable. */
  readonly clocks: readonly PartitionClock[];
}

export interface Ingest {
  /**
   * Ingests when subscribed to, once; one value per transaction. Completes when the source has ended or was
   * stopped, and everything is durable.
   */
  readonly progress$: Observable<IngestProgress>;
  /**
   * Finishes the transaction at hand, then completes. One that waits for room in the ring is left for the
   * next start.
   */
  stop(): void;
}

/** @param open what becomes of records: of events, or (role trainer) of what builders hand over. */
export function openIngest(parts: IngestParts, open: OpenBatching = openBatching): Ingest {
  const run = new Run(parts, open);
  const progress$ = defer(() => run.read()).pipe(
    map((step) => run.harvest(step)),
    concatMap((step) => run.commit(step)),
    repeat(),
    takeWhile((step) => !step.last, true),
    filter((step) => step.last || step.pausing || step.harvest !== null),
    map(() => run.progress()),
  );
  return { progress$, stop: () => run.stop() };
}

/** Groups in one transaction; with what else belongs to it, it stays at about 1,000 puts. */
const groupsMax = 500;

interface Step {
  /** The source has no more. */
  readonly ended: boolean;
  readonly last: boolean;
  /** The source has no more for now: what there is is made durable, and told. */
  readonly pausing: boolean;
  /** Why the source breaks off here: thrown when everything before is durable. */
  readonly failure: Error | null;
  readonly harvest: Harvest | null;
}

class Run {
  readonly #parts: IngestParts;
  readonly #merge: Merge;
  readonly #batching: Batching;
  #inFlight: Promise<void> = Promise.resolve();
  #stopped = false;
  /** A transaction was left for the next start: those after it must be, too. */
  #abandoned = false;
  /** What waits and must not when ingest is stopped. */
  readonly #waits = new Set<() => void>();

  constructor(parts: IngestParts, open: OpenBatching) {
    const { config, journal, source } = parts;
    const status = journal.status();
    this.#parts = parts;
    const isLive = source.kind === 'live';
    const order = openRecordOrder(config.topics);
    this.#merge = isLive ? openPassage() : openMerge(source.inputs, { ...config.records, order });
    const gaps = isLive ? 'judged' : 'refused';
    this.#batching = open(config, { status, gaps, saved: journal.loadState() });
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#waits) end();
  }

  progress(): IngestProgress {
    const status = this.#parts.journal.status();
    const clocks = this.#batching.clocks();
    return { status, counts: status.counts, clocks, ...this.#parts.source.progress() };
  }

  /** Takes one transaction's worth of new records, in order. */
  async read(): Promise<Step> {
    const wanted = this.#parts.config.journal.transactionRecords;
    const step = { ended: false, last: false, pausing: false, failure: null, harvest: null };
    let taken = 0;
    try {
      while (taken < wanted) {
        const released: IngestItem[] = [];
        this.#merge.take(released, wanted - taken);
        // Piece by piece, not all at the end: the source decompresses the next piece meanwhile.
        taken += this.#batching.feed(released);
        if (this.#stopped) return { ...step, last: true };
        if (released.length > 0) continue;
        const input = this.#merge.wants();
        if (input === null) return { ...step, ended: true, last: true };
        const found = await this.#readInput(input);
        if (this.#stopped) return { ...step, last: true };
        if (found === 0) return { ...step, pausing: true };
      }
    } catch (failure) {
      // What was read before it is good. After a mistake of our own nothing is.
      if (!(failure instanceof RestillError) || failure.code === 'BUG') throw failure;
      return { ...step, last: true, failure };
    }
    return step;
  }

  harvest(step: Step): Step {
    if (step.ended) this.#batching.finish();
    const { low, high } = this.#parts.journal.status();
    return { ...step, harvest: this.#batching.harvest({ low, high }) };
  }

  /**
   * Resolves when the transaction before is durable and this one is on its way; the last one is waited for.
   */
  async commit(step: Step): Promise<Step> {
    await this.#inFlight;
    if (step.harvest !== null) {
      this.#inFlight = this.#write(step.harvest);
      // Thrown where it is awaited, above or below.
      this.#inFlight.catch(() => {});
    }
    if (step.last || step.pausing) await this.#inFlight;
    if (step.failure !== null) throw step.failure;
    return step;
  }

  /** A live source may have nothing to read for hours: a stop does not wait for it. */
  async #readInput(input: number): Promise<number> {
    const items = await this.#unlessStopped(this.#parts.source.read(input));
    if (items === undefined) return 0;
    if (items === null) this.#merge.end(input);
    else this.#merge.push(input, items);
    return items?.length ?? 1;
  }

  /**
   * Usually one transaction. Groups that are too many for one, or for the room there is, are written ahead in
   * parts, the effects with the last part: waiting for room for all at once could wait for ever, because the
   * trainer may need what fits to make room.
   */
  async #write({ groups, letters, effects }: Harvest): Promise<void> {
    const { journal, deadLetters } = this.#parts;
    if (this.#abandoned) return;
    const deadLetterBytes = await deadLetters.append(letters);
    for (let from = 0; ; ) {
      if (from < groups.length && !(await this.#hasRoom())) {
        this.#abandoned = true;
        return;
      }
      const to = Math.min(groups.length, from + groupsMax, from + journal.capacity());
      const isLast = to === groups.length;
      const part = groups.slice(from, to);
      await journal.append({ groups: part, effects: isLast ? { ...effects, deadLetterBytes } : null });
      if (isLast) return;
      from = to;
    }
  }

  /** Waits while the ring is full; false when stopped meanwhile. */
  async #hasRoom(): Promise<boolean> {
    const { journal } = this.#parts;
    if (journal.capacity() > 0) return true;
    return (await this.#unlessStopped(journal.room(1).then(() => true))) ?? false;
  }

  /**
   * What the promise comes to, or undefined as soon as ingest is stopped. (Promise.race would leave something
   * behind each time, for as long as nobody stops it: for months.)
   */
  #unlessStopped<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve(undefined);
      if (this.#stopped) end();
      this.#waits.add(end);
      void promise.then(resolve, reject).then(() => this.#waits.delete(end));
    });
  }
}
