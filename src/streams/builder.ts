// A builder: partitions that it is given and loses again, each with a join of its own; what comes of them is
// handed over transaction by transaction (decision 15).
//
// Invariants:
// 1. What is handed over, the state it leaves and the offset are one transaction for each partition: after a
//    kill, a fence or a rebalance all of it is there or nothing (promise 1).
// 2. A partition is built from the state that was handed over last, by whomever, and by one builder at a
//    time: taking over fences the one before, so that its transaction at hand fails.
// 3. Of a partition that was fenced nothing is taken any more until it is taken over again, from the state.
// 4. Dead letters are written before the transaction: a kill between the two writes them again (promise 9).
// 5. Fences come to an end, and the last one is that of the partition's owner: the member that has it in the
//    newest generation of the group. Take-overs are not ordered among members, so another one may fence the
//    owner, but only by
//    a. a take-over of an older generation that was on its way when a newer one came: each partition has one
//       request at most of it, since none is begun after that (`isOver`), nor of those that waited;
//    b. taking over again what it was fenced from: for that the group must have confirmed its assignment
//       after the fence was noticed (a heartbeat). What was confirmed before the newest generation began may
//       be acted on after it; the next heartbeat fails.
//    So each other member fences the owner twice at most, and never in return for a fence of the newest
//    generation. The owner, whose heartbeats go on to be answered, takes over again each time that it
//    notices, which it does when it has something to hand over: whether more records come does not matter.
import type { Config } from '../config.ts';
import type { IngestCounts, PartitionClock } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { Building, type Built, settingsOf } from './building.ts';
import type { Restored } from './changelog.ts';
import { noCounts } from './counts.ts';
import type { Decoder } from './decode.ts';
import { isLetter } from './envelope.ts';
import type { DeadLetterFile, IngestStatus, Source } from './ports.ts';
import { openSharingDecoder } from './shared-documents.ts';
import { partitionKey } from './watermark.ts';

/** The topics between the roles. Errors: KAFKA_*, JOURNAL_FOREIGN, TOPIC_UNSUITED. */
export interface Handing {
  /**
   * Whoever had the partitions can hand over no more; what they were handing over is undone. As soon as
   * `isOver`, no more of them are fenced.
   */
  fence(partitions: readonly number[], isOver: () => boolean): Promise<void>;
  /** After the fence: what was handed over last; partitions without are absent. */
  restore(partitions: readonly number[]): Promise<ReadonlyMap<number, Restored>>;
  /** False when another builder has fenced the partition: then nothing was handed over. */
  hand(partition: number, built: Built): Promise<boolean>;
}

export interface BuilderParts {
  readonly config: Config;
  /** Of the events. */
  readonly topic: string;
  readonly handing: Handing;
  readonly letters: DeadLetterFile;
  /** Another builder has fenced it: to be taken over again, unless it is not ours any more (invariant 5). */
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

/**
 * How often in a row, without a transaction between, a partition may be fenced while it is ours. Each time a
 * heartbeat is waited for, and what is still on its way of earlier generations is over after the first few.
 */
const fencesMax = 5;

const nothing: Pick<IngestStatus, 'offsets' | 'fingerprints'> = { offsets: {}, fingerprints: {} };

export class Builder {
  readonly #parts: BuilderParts;
  readonly #decode: Decoder;
  readonly #counts = noCounts();
  #taken = new Map<number, Taken>();
  /** By partition: how often in a row. */
  readonly #fences = new Map<number, number>();
  /** Counts take-overs: one that is not the newest any more must not fence those who have come after it. */
  #takeOvers = 0;
  /** The transactions at hand, and the taking over at hand: one waits for the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: BuilderParts) {
    this.#parts = parts;
    this.#decode = openSharingDecoder(parts.config);
  }

  /**
   * These partitions are ours now, and no others.
   * @returns where to go on; nothing of use when another take-over has been asked for meanwhile
   */
  takeOver(partitions: readonly number[]): Promise<Pick<IngestStatus, 'offsets' | 'fingerprints'>> {
    const takeOver = ++this.#takeOvers;
    const isOver = (): boolean => takeOver !== this.#takeOvers;
    this.#taken = new Map();
    return this.#inTurn(async () => {
      if (isOver()) return nothing;
      const { topic, handing, config } = this.#parts;
      await handing.fence(partitions, isOver);
      if (isOver()) return nothing;
      const restored = await handing.restore(partitions);
      if (isOver()) return nothing;
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
      for (const partition of this.#fences.keys()) if (!taken.has(partition)) this.#fences.delete(partition);
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
      // What comes of a partition that was fenced is dropped: the state says where it goes on.
      for (const item of items ?? [])
        if (!isLetter(item)) this.#taken.get(item.partition)?.building.feed(item);
      fed += items?.length ?? 0;
      if (fed > 0 && (items === null || items.length === 0 || fed >= wanted)) {
        await this.#inTurn(() => this.#handAll());
        progress(this.#progress());
        fed = 0;
      }
      if (items === null) return;
    }
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
    const { partition } = taken;
    // Another assignment may have come meanwhile.
    if (this.#taken.get(partition) !== taken) return;
    this.#taken.delete(partition);
    const times = (this.#fences.get(partition) ?? 0) + 1;
    this.#fences.set(partition, times);
    if (times > fencesMax) throw fencedForEver(partition, times);
    this.#parts.fenced(partition);
  }

  #account(taken: Taken, { counts, next }: Built): void {
    for (const name of Object.keys(counts) as (keyof IngestCounts)[])
      this.#counts[name] += counts[name] - taken.counts[name];
    taken.counts = counts;
    taken.next = next;
    this.#fences.delete(taken.partition);
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
export function requireWholePages({ events, topics }: Config): void {
  const isWhole = events.preset !== 'ubi' && (events.mapping?.document ?? null) === null;
  if (isWhole && topics.documents === null) return;
  throw new RestillError(
    'CONFIG_INVALID',
    'pages get their texts from documents (events, topics.documents), which the builder of another ' +
      'partition does not see; put the texts into the impressions, or let one process do all (--role all)',
  );
}

const fencedForEver = (partition: number, times: number): RestillError =>
  new RestillError(
    'KAFKA_FAILED',
    `partition ${partition} was taken by another builder ${times} times in a row, though the group has it ` +
      'assigned here; see that all builders of this kafka.group read the same topic, and start again',
  );
