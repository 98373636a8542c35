// The trainer's part of the intake: what builders hand over, merged, becomes groups (decision 15).
//
// Invariants:
// 1. Fed in the order of (timestamp, partition, offset), it makes of what the builders of a topic hand over
//    the groups that the whole intake makes of the topic, with the same sequence numbers.
// 2. Killed at any point and opened again from what the last drain left, it goes on as if nothing had been.
// 3. Of closed pages it remembers join.open_max; a correction of one that was forgotten is too late.
// An id that comes again is another page: the join has forgotten the earlier one, or it was in another
// partition, which no builder can know.
import type { Config } from '../config.ts';
import type { DeadLetter, IngestCounts, PartitionClock, SourceRecord } from '../contract.ts';
import { packTotals, unpackTotals } from './counts.ts';
import type { Handover } from './handover.ts';
import type { Arrival, Intake } from './intake.ts';
import { Settling } from './settling.ts';
import type { Ring } from './shedding.ts';
import { SlotTable } from './slot-table.ts';
import type { Drained, StateEntry } from './state.ts';
import { eventTime, Watermarks } from './watermark.ts';

/** What the journal has of a page: see `Visit`. */
interface Settled {
  journalled: number;
  sequence: number | null;
}

/** @throws RestillError JOURNAL_FOREIGN if a value was written in another format */
export function openMerging(
  config: Config,
  saved: Iterable<StateEntry>,
  nextSequence: number,
): Intake<Handover> {
  return new Merging(config, [...saved], nextSequence);
}

class Merging implements Intake<Handover> {
  readonly #counts: IngestCounts;
  readonly #watermarks: Watermarks;
  readonly #settling: Settling;
  readonly #settled: SlotTable<Settled>;
  #changed = false;

  constructor(config: Config, entries: readonly StateEntry[], nextSequence: number) {
    const totals = unpackTotals(entries);
    const saved = { entries, next: totals.next };
    this.#counts = totals.counts;
    this.#watermarks = new Watermarks(config, saved);
    this.#settling = new Settling({ config, counts: this.#counts, saved, nextSequence });
    const capacity = config.join.openMax;
    const layout = { name: 'settled', table: 'impressions', base: 0, capacity, pack, unpack } as const;
    this.#settled = new SlotTable<Settled>(layout, saved);
  }

  accept(handover: Handover, at: Arrival): void {
    const partition = this.#watermarks.take(at);
    if (partition === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.events++;
    switch (handover.kind) {
      case 'issued':
        this.#counts.impressions++;
        return this.#settling.issued(handover.queryKey, handover.user);
      case 'closed':
        this.#watermarks.observe(partition, eventTime(handover.visit.timeMs, at.timestampMs));
        return this.#close(handover);
      case 'corrected':
        return this.#correct(handover);
    }
  }

  reject(letter: DeadLetter): void {
    if (this.#watermarks.take(letter.record) === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.malformed++;
  }

  ignore(record: SourceRecord): void {
    if (this.#watermarks.take(record) === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.ignored++;
  }

  /** What is open is so at the builders. */
  finish(): void {}

  drain(ring: Ring | null = null): Drained {
    const changes: StateEntry[] = [];
    if (this.#changed) {
      const next: Record<string, number> = {};
      const own = [this.#watermarks.table, this.#settled] as unknown as SlotTable<unknown>[];
      for (const table of [...own, ...this.#settling.tables]) {
        table.drain(changes);
        next[table.name] = table.next;
      }
      this.#settling.drain(changes, ring);
      changes.push(packTotals({ counts: this.#counts, next }));
    }
    this.#changed = false;
    return {
      groups: this.#settling.take(),
      changes,
      counts: { ...this.#counts },
      offsets: this.#watermarks.offsets(),
    };
  }

  clocks(): PartitionClock[] {
    return this.#watermarks.clocks();
  }

  #close({ impressionId, visit, page }: Extract<Handover, { kind: 'closed' | 'corrected' }>): void {
    this.#counts.clicks += visit.clicks.length;
    this.#settling.closed(impressionId, visit, page);
    const earlier = this.#settled.get(impressionId);
    if (earlier !== undefined) this.#settled.remove(earlier);
    else if (this.#settled.full) this.#settled.remove(this.#settled.oldest!);
    const { journalled, sequence } = visit;
    this.#settled.add(impressionId, { journalled, sequence });
  }

  #correct({ impressionId, visit, page }: Extract<Handover, { kind: 'closed' | 'corrected' }>): void {
    const known = this.#settled.get(impressionId);
    if (known === undefined) return void this.#counts.tooLate++;
    this.#counts.clicks++;
    Object.assign(visit, known.value);
    this.#settling.corrected(impressionId, visit, page);
    const { journalled, sequence } = visit;
    Object.assign(known.value, { journalled, sequence });
    this.#settled.changed(known);
  }
}

const pack = ({ journalled, sequence }: Settled): readonly unknown[] => [journalled, sequence];

function unpack(fields: readonly unknown[]): Settled {
  const [journalled, sequence] = fields as [number, number | null];
  return { journalled, sequence };
}
