// One partition in a builder: records in, what is handed over and the state that changed out (decision 15).
//
// Invariants:
// 1. What is handed over is a function of the partition alone, wherever the drains are: opened again from the
//    state that was drained, it goes on as if nothing had happened.
// 2. It comes in the order of the records, each with the timestamp of the record that it came of.
import { type Config, streamsDigest } from '../config.ts';
import type { DeadLetter, Group, IngestCounts, PartitionClock, SourceRecord } from '../contract.ts';
import { type Decoder, isEvent } from './decode.ts';
import { isLetter } from './envelope.ts';
import type { Handover } from './handover.ts';
import { type Intake, openJoining } from './intake.ts';
import type { PlacedRecord } from './ports.ts';
import { fingerprintOf } from './resume.ts';
import type { Outlet } from './settling.ts';
import type { StateEntry } from './state.ts';
import type { Page, Visit } from './visit.ts';

export interface Timed {
  readonly timestampMs: number;
  readonly handover: Handover;
}

/** What one transaction must hold. */
export interface Built {
  readonly handovers: readonly Timed[];
  readonly changes: readonly StateEntry[];
  readonly letters: readonly DeadLetter[];
  readonly counts: IngestCounts;
  /** Next offset to read: part of the state. */
  readonly next: number;
  /** Of the newest record taken (see resume.ts). */
  readonly fingerprint: string;
  /** See settingsOf. */
  readonly settings: string;
}

/** What builders and trainer must agree on, as 16 hexadecimal digits. */
export const settingsOf = (config: Config): string => streamsDigest(config).slice(0, 16);

export class Building {
  /** As they were saved. */
  readonly countsBegun: IngestCounts;
  readonly #settings: string;
  readonly #decode: Decoder;
  readonly #told = new Told();
  readonly #intake: Intake;
  #letters: DeadLetter[] = [];
  #newest: PlacedRecord | null = null;

  /**
   * @param saved the latest value of each slot that was drained, in any order.
   * @throws RestillError JOURNAL_FOREIGN if a value was written in another format
   */
  constructor(config: Config, decode: Decoder, saved: Iterable<StateEntry>) {
    this.#settings = settingsOf(config);
    this.#decode = decode;
    this.#intake = openJoining(config, saved, this.#told);
    this.countsBegun = this.#intake.drain().counts;
  }

  feed(item: PlacedRecord): void {
    this.#newest = item;
    this.#told.timestampMs = item.timestampMs;
    const record = item.open();
    const decoded = isLetter(record) ? record : this.#decode(record);
    if (isEvent(decoded)) return this.#intake.accept(decoded, record as SourceRecord);
    if (decoded === null) return this.#intake.ignore(item);
    this.#letters.push(decoded);
    this.#intake.reject(decoded);
  }

  clocks(): PartitionClock[] {
    return this.#intake.clocks();
  }

  /** Null when nothing was fed since the last call. */
  drain(): Built | null {
    if (this.#newest === null) return null;
    const { changes, counts } = this.#intake.drain();
    const built: Built = {
      ...{ changes, counts, letters: this.#letters, handovers: this.#told.hand() },
      next: this.#newest.offset + 1,
      fingerprint: fingerprintOf(this.#newest),
      settings: this.#settings,
    };
    this.#letters = [];
    this.#newest = null;
    return built;
  }
}

/** Notes down what the join tells. A visit changes afterwards, so what is told is a copy. */
class Told implements Outlet {
  readonly tables = [];
  timestampMs = 0;
  #handovers: Timed[] = [];

  issued(queryKey: string, user: string): void {
    this.#tell({ kind: 'issued', queryKey, user });
  }

  closed(impressionId: string, visit: Visit, page: Page): void {
    this.#tell({ kind: 'closed', impressionId, visit: copyOf(visit), page });
  }

  corrected(impressionId: string, visit: Visit, page: Page): void {
    this.#tell({ kind: 'corrected', impressionId, visit: copyOf(visit), page });
  }

  take(): Group[] {
    return [];
  }

  drain(): void {}

  hand(): readonly Timed[] {
    const handovers = this.#handovers;
    this.#handovers = [];
    return handovers;
  }

  #tell(handover: Handover): void {
    this.#handovers.push({ timestampMs: this.timestampMs, handover });
  }
}

const copyOf = (visit: Visit): Visit => ({ ...visit, clicks: [...visit.clicks] });
