// A builder: partitions that it is given and loses again, each with a join of its own; what comes of them is
// handed over transaction by transaction (decision 15).
//
// Invariants:
// 1. What is handed over, the state it leaves and the offset are one transaction for each partition: after a
//    kill, a fence or a rebalance all of it is there or nothing (promise 1).
// 2. A partition is built from the state that was handed over last, by whomever, and by one builder at a
//    time: taking over fences the one before, so that its transaction at hand fails.
// 3. Of a partition that was fenced nothing is taken any more until it is given again.
// 4. Dead letters are written before the transaction: a kill between the two writes them again (promise 9).
import type { Timer } from '../clock.ts';
import type { Config } from '../config.ts';
import type { IngestCounts, PartitionClock } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { Building, type Built, settingsOf } from './building.ts';
import type { Restored } from './changelog.ts';
import { noCounts } from './counts.ts';
import { type Decoder, openDecoder } from './decode.ts';
import { isLetter } from './envelope.ts';
import type { DeadLetterFile, IngestStatus, PlacedRecord, Source } from './ports.ts';
import { partitionKey } from './watermark.ts';

/** The topics between the roles. Errors: KAFKA_*, JOURNAL_FOREIGN, TOPIC_UNSUITED. */
export interface Handing {
  /** Whoever had the partitions can hand over no more; what they were handing over is undone. */
  fence(partitions: readonly number[]): Promise<void>;
  /** After the fence: what was handed over last; partitions without are absent. */
  restore(partitions: readonly number[]): Promise<ReadonlyMap<number, Restored>>;
  /** False when another builder has the partition now: then nothing was handed over. */
  hand(partition: number, built: Built): Promise<boolean>;
}

export interface BuilderParts {
  readonly config: Config;
  /** Of the events. */
  readonly topic: string;
  readonly handing: Handing;
  readonly letters: DeadLetterFile;
  readonly timer: Pick<Timer, 'elapsed'>;
  /** Another builder has the partition now. */
  readonly fenced: (partition: number) => void;
}

export interface BuilderProgress {
  /** Since this process began. */
  readonly counts: IngestCounts;
  readonly clocks: readonly PartitionClock[];
  /** Next offset, per `topic/partition`: what is handed over. */
  readonly offsets: Readonly<Record<string, number>>;
}

interface Taken {
  readonly partition: number;
  readonly building: Building;
  counts: IngestCounts;
  next: number | null;
}

export class Builder {
  readonly #parts: BuilderParts;
  readonly #decode: Decoder;
  readonly #counts = noCounts();
  #taken = new Map<number, Taken>();
  readonly #fencedMs = new Map<number, number>();
  /** Counts take-overs: one that is not the newest any more must not fence those who have come after it. */
  #takeOvers = 0;
  /** The transactions at hand, and the taking over at hand: one waits for the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: BuilderParts) {
    this.#parts = parts;
    this.#decode = openDecoder(parts.config);
  }

  /**
   * These partitions are ours now, and no others.
   * @returns where to go on; nothing of use when another take-over has been asked for meanwhile
   */
  takeOver(partitions: readonly number[]): Promise<Pick<IngestStatus, 'offsets' | 'fingerprints'>> {
    const takeOver = ++this.#takeOvers;
    this.#taken = new Map();
    return this.#inTurn(async () => {
      if (takeOver !== this.#takeOvers) return { offsets: {}, fingerprints: {} };
      const { topic, handing, config } = this.#parts;
      await handing.fence(partitions);
      const restored = await handing.restore(partitions);
      const offsets: Record<string, number> = {};
      const fingerprints: Record<string, string> = {};
      const taken = new Map<number, Taken>();
      for (const partition of partitions) {
        const left = restored.get(partition);
        requireSettings(config, left);
        const building = new Building(config, this.#decode, left?.entries ?? []);
        taken.set(partition, { partition, building, counts: building.countsBegun, next: left?.next ?? null });
        if (left === undefined) continue;
        const key = partitionKey({ topic, partition });
        offsets[key] = left.next;
        fingerprints[key] = left.fingerprint;
      }
      this.#taken = taken;
      this.#fencedMs.clear();
      return { offsets, fingerprints };
    });
  }

  /** Until the source ends. `progress` is told what is durable. */
  async run(source: Source, progress: (durable: BuilderProgress) => void): Promise<void> {
    const wanted = this.#parts.config.journal.transactionRecords;
    let fed = 0;
    for (;;) {
      const items = await source.read(0);
      // At once, before anything else can be awaited: these are of the partitions as they are now.
      for (const item of items ?? []) if (!isLetter(item)) this.#feed(item);
      fed += items?.length ?? 0;
      if (fed > 0 && (items === null || items.length === 0 || fed >= wanted)) {
        await this.#inTurn(() => this.#handAll());
        progress(this.#progress());
        fed = 0;
      }
      if (items === null) return;
    }
  }

  /** What comes of a partition that is not ours any more is dropped, for as long as a rebalance may take. */
  #feed(item: PlacedRecord): void {
    const taken = this.#taken.get(item.partition);
    if (taken !== undefined) return taken.building.feed(item);
    const { timer, config } = this.#parts;
    const fencedMs = this.#fencedMs.get(item.partition) ?? timer.elapsed();
    if (timer.elapsed() - fencedMs > 2 * config.kafka.sessionTimeout) throw takenFromOutside(item.partition);
  }

  async #handAll(): Promise<void> {
    const { handing, letters } = this.#parts;
    const all = [...this.#taken.values()];
    const work = all.map((taken) => ({ taken, built: taken.building.drain() }));
    await letters.append(work.flatMap(({ built }) => built?.letters ?? []));
    await Promise.all(
      work.map(async ({ taken, built }) => {
        if (built === null) return;
        if (await handing.hand(taken.partition, built)) this.#account(taken, built);
        else this.#lose(taken);
      }),
    );
  }

  #lose(taken: Taken): void {
    const { timer, fenced } = this.#parts;
    if (this.#taken.get(taken.partition) === taken) this.#taken.delete(taken.partition);
    this.#fencedMs.set(taken.partition, timer.elapsed());
    fenced(taken.partition);
  }

  #account(taken: Taken, { counts, next }: Built): void {
    for (const name of Object.keys(counts) as (keyof IngestCounts)[])
      this.#counts[name] += counts[name] - taken.counts[name];
    taken.counts = counts;
    taken.next = next;
  }

  #progress(): BuilderProgress {
    const { topic } = this.#parts;
    const all = [...this.#taken.values()];
    const offsets = all.flatMap(({ partition, next }) =>
      next === null ? [] : [[partitionKey({ topic, partition }), next] as const],
    );
    return {
      counts: { ...this.#counts },
      clocks: all.flatMap(({ building }) => building.clocks()),
      offsets: Object.fromEntries(offsets),
    };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // Whoever asked for the work gets its error.
    return turn;
  }
}

function requireSettings(config: Config, left: Restored | undefined): void {
  if (left === undefined || left.settings === settingsOf(config)) return;
  throw new RestillError(
    'JOURNAL_FOREIGN',
    `the state in ${config.roles.state} was left by a builder with other settings (${left.settings}, ` +
      `expected ${settingsOf(config)}); use theirs, or name other topics in roles and begin anew`,
  );
}

/** @throws RestillError CONFIG_INVALID: documents would have to be in every partition */
export function requireWholePages({ events }: Config): void {
  if (events.preset !== 'ubi' && (events.mapping?.document ?? null) === null) return;
  throw new RestillError(
    'CONFIG_INVALID',
    'pages get their texts from documents of the topic (events), which the builder of another partition ' +
      'does not see; put the texts into the impressions, or let one process do all (--role all)',
  );
}

const takenFromOutside = (partition: number): RestillError =>
  new RestillError(
    'KAFKA_FAILED',
    `partition ${partition} was taken by a builder that is not in this consumer group; ` +
      'give all builders one kafka.group, and start again',
  );
