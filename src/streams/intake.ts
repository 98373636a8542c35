// Events in, groups and changed state out: the pure whole of ingest.
//
// Invariants:
// 1. What comes out is a function of the records alone (promise 1). Killed at any point and opened again from
//    what the last drain left, an intake that is fed from the drained offsets on gives the same groups,
//    counts and offsets as one that was never killed, wherever the drains were.
// 2. After every record nothing is due any more: what its watermark has passed is closed.
// 3. Memory and state are bounded: `*_max` of join, bots and privacy, and propensity.cells (promise 11).
// 4. Neither groups nor state hold a user or session id, nor a query before redaction (promise 12).
//
// What depends on how partitions interleave: when a partition that lags by more than watermark.idle_timeout
// is taken as complete; how many users have issued a query, and the propensities, at the moment a group
// closes; the rate of a session whose events come from several partitions; who is oldest when a bound is
// reached; sequence numbers.
// Everything else does not: decoding, lateness, duplicates, the join, labels, redaction, holdout.
// A replay merges partitions in one deterministic order, so all of it depends on the topic alone.
import type { Config } from '../config.ts';
import type {
  ClickEvent,
  Coordinates,
  DeadLetter,
  DocumentEvent,
  Event,
  ImpressionEvent,
  IngestCounts,
  PartitionClock,
  RemovalEvent,
  Result,
} from '../contract.ts';
import { hashHex } from '../hash.ts';
import { Admission } from './admission.ts';
import { Catalogue } from './catalogue.ts';
import { isSatisfied } from './clicks.ts';
import { Closing } from './closing.ts';
import { packTotals, unpackTotals } from './counts.ts';
import { isHoldout } from './holdout.ts';
import { Join } from './join.ts';
import { foldSpace, normalizeQuery, queryKey } from './normalize.ts';
import { redact } from './redact.ts';
import { everyPartition, Schedule, type Timer } from './schedule.ts';
import { type Outlet, Settling, type SettlingParts } from './settling.ts';
import type { Ring } from './shedding.ts';
import type { Entry, SlotTable } from './slot-table.ts';
import type { Drained, StateEntry } from './state.ts';
import type { Orphan, Visit } from './visit.ts';
import { eventTime, type Partition, Watermarks } from './watermark.ts';

/** Where an event stood, and its record's own timestamp, than which no event is newer. */
export interface Arrival extends Coordinates {
  readonly timestampMs: number;
}

export interface Intake<E = Event> {
  /** Takes one decoded event. A record below its partition's next offset was taken before: no effect. */
  accept(event: E, at: Arrival): void;
  /** A record that went to the dead letters: counted, the offset moves on. */
  reject(letter: DeadLetter): void;
  /** A record that is none of ours: counted, the offset moves on. */
  ignore(at: Coordinates): void;
  /** The source has ended: closes everything that is open. */
  finish(): void;
  /** @param ring how full it is, from which it follows whether groups are shed from now on. */
  drain(ring?: Ring | null): Drained;
  clocks(): PartitionClock[];
}

/**
 * @param saved everything that the drains so far have left: the latest value of each slot, in any order.
 * @param nextSequence sequence number of the next group.
 * @throws RestillError JOURNAL_FOREIGN if a value was written in another format.
 */
export function openIntake(config: Config, saved: Iterable<StateEntry>, nextSequence: number): Intake {
  return new StreamIntake(config, [...saved], (parts) => new Settling({ ...parts, nextSequence }));
}

/**
 * The part of the intake that is a function of each partition alone, for a builder: what it finds out goes to
 * the outlet, and no groups are made.
 */
export function openJoining(config: Config, saved: Iterable<StateEntry>, outlet: Outlet): Intake {
  return new StreamIntake(config, [...saved], () => outlet);
}

class StreamIntake implements Intake {
  readonly #config: Config;
  readonly #counts: IngestCounts;
  readonly #schedule: Schedule;
  readonly #watermarks: Watermarks;
  readonly #admission: Admission;
  readonly #join: Join;
  readonly #outlet: Outlet;
  readonly #closing: Closing;
  readonly #catalogue: Catalogue;
  #changed = false;

  constructor(
    config: Config,
    entries: readonly StateEntry[],
    openOutlet: (parts: Omit<SettlingParts, 'nextSequence'>) => Outlet,
  ) {
    const totals = unpackTotals(entries);
    const saved = { entries, next: totals.next };
    this.#config = config;
    this.#catalogue = new Catalogue(config, saved);
    this.#counts = totals.counts;
    this.#schedule = new Schedule((timer) => this.#holds(timer));
    this.#watermarks = new Watermarks(config, saved);
    this.#admission = new Admission(config, this.#schedule, saved);
    this.#join = new Join(config, this.#schedule, saved);
    this.#outlet = openOutlet({ config, counts: this.#counts, saved });
    this.#closing = new Closing({ admission: this.#admission, join: this.#join, outlet: this.#outlet });
  }

  accept(event: Event, at: Arrival): void {
    const partition = this.#watermarks.take(at);
    if (partition === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.events++;
    if (event.kind === 'document' || event.kind === 'removal') return this.#takeDocument(event);
    const timeMs = eventTime(event.timeMs, at.timestampMs);
    if (this.#watermarks.observe(partition, timeMs)) this.#counts.late++;
    this.#expire(partition);
    if (event.kind === 'impression') this.#takeImpression(event, timeMs, partition, at.offset);
    else this.#takeClick(event, timeMs, partition);
    this.#expire(partition);
  }

  reject(letter: DeadLetter): void {
    // A line that is no envelope at all has no coordinates: it is counted, and there is no offset to move.
    const { partition, offset } = letter.record;
    const placed = Number.isInteger(offset) && offset >= 0 && Number.isInteger(partition) && partition >= 0;
    if (placed && this.#watermarks.take(letter.record) === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.malformed++;
  }

  ignore(at: Coordinates): void {
    if (this.#watermarks.take(at) === null) return;
    this.#changed = true;
    this.#counts.records++;
    this.#counts.ignored++;
  }

  finish(): void {
    const open = [...this.#join.open.entries()];
    const orphans = [...this.#join.orphans.entries()];
    open.sort((a, b) => a.value.timeMs - b.value.timeMs || a.order - b.order);
    for (const visit of open) this.#closing.close(visit);
    for (const orphan of orphans) this.#abandon(orphan);
    if (open.length + orphans.length > 0) this.#changed = true;
  }

  clocks(): PartitionClock[] {
    return this.#watermarks.clocks();
  }

  drain(ring: Ring | null = null): Drained {
    const changes: StateEntry[] = [];
    if (this.#changed) {
      const next: Record<string, number> = {};
      for (const table of this.#tables()) {
        table.drain(changes);
        next[table.name] = table.next;
      }
      this.#outlet.drain(changes, ring);
      changes.push(packTotals({ counts: this.#counts, next }));
    }
    this.#changed = false;
    return {
      groups: this.#outlet.take(),
      changes,
      counts: { ...this.#counts },
      offsets: this.#watermarks.offsets(),
    };
  }

  #takeDocument(event: DocumentEvent | RemovalEvent): void {
    this.#counts.documents++;
    if (event.kind === 'document') this.#catalogue.learn(event);
    else this.#catalogue.forget(event);
  }

  #takeImpression(event: ImpressionEvent, timeMs: number, partition: Entry<Partition>, offset: number): void {
    this.#counts.impressions++;
    const { impressionId } = event;
    const session = hashHex(event.sessionId, this.#config.seed);
    if (this.#isKnownBot(session, timeMs)) return;
    const fate = this.#join.judgeImpression(impressionId, timeMs, this.#watermarks.of(partition.value));
    if (fate === 'duplicates') return void this.#counts.duplicates++;
    if (this.#turnsBot(session, timeMs)) return;
    if (fate === 'tooLate') return void this.#counts.tooLate++;

    const { text, count } = this.#config.privacy.redact
      ? redact(event.query)
      : { text: event.query, count: 0 };
    this.#counts.redacted += count;
    const normalized = normalizeQuery(text);
    const visit: Visit = {
      partition: partition.key,
      offset,
      timeMs,
      session,
      queryKey: queryKey(normalized),
      holdout: isHoldout(normalized, this.#config),
      clicks: [],
      journalled: 0,
      sequence: null,
    };
    this.#outlet.issued(visit.queryKey, hashHex(event.userId, this.#config.seed));
    if (this.#join.open.full) {
      this.#counts.crowdedOut++;
      this.#closing.close(this.#join.open.oldest!);
    }
    const results = this.#catalogue.describe(event.results);
    this.#counts.undocumented += event.results.length - results.length;
    const entry = this.#join.enter(impressionId, visit, { query: foldSpace(text), results });
    for (const orphan of this.#join.waiting(impressionId)) this.#joinOrphan(entry, orphan, results);
  }

  #takeClick(event: ClickEvent, timeMs: number, partition: Entry<Partition>): void {
    this.#counts.clicks++;
    const { impressionId, documentId, timeMs: saidMs } = event;
    const session = hashHex(event.sessionId, this.#config.seed);
    if (this.#isKnownBot(session, timeMs)) return;
    const judgement = this.#join.judgeClick(event, timeMs, this.#watermarks.of(partition.value));
    if (judgement.fate === 'duplicates') return void this.#counts.duplicates++;
    if (this.#turnsBot(session, timeMs)) return;

    const satisfied = isSatisfied(event.dwellMs, this.#config);
    switch (judgement.fate) {
      case 'open':
      case 'retained': {
        const { fate, visit, index } = judgement;
        this.#join.add(fate, visit, { index, timeMs, saidMs, satisfied });
        if (fate === 'retained') this.#closing.correct(visit);
        return;
      }
      case 'waiting':
        if (this.#join.orphans.full) this.#abandon(this.#join.orphans.oldest!);
        this.#join.wait({
          partition: partition.key,
          impressionId,
          documentId,
          timeMs,
          saidMs,
          satisfied,
          session,
        });
        return;
      case 'unshown':
      case 'tooLate':
      case 'orphans':
        this.#counts[judgement.fate]++;
        return;
    }
  }

  #joinOrphan(visit: Entry<Visit>, orphan: Entry<Orphan>, results: readonly Result[]): void {
    const { documentId, timeMs, saidMs, satisfied, session } = orphan.value;
    this.#join.dismiss(orphan);
    // Its event is among the bots already.
    if (this.#admission.isBot(session)) return;
    const index = results.findIndex((result) => result.documentId === documentId);
    if (index < 0) this.#counts.unshown++;
    else if (this.#join.isSated(visit)) this.#counts.duplicates++;
    else this.#join.add('open', visit, { index, timeMs, saidMs, satisfied });
  }

  #isKnownBot(session: string, timeMs: number): boolean {
    return this.#admission.isBot(session) && this.#turnsBot(session, timeMs);
  }

  /** Counts the event into its session's rate. True if that is a bot: then its events are counted as such. */
  #turnsBot(session: string, timeMs: number): boolean {
    const events = this.#admission.observe(session, timeMs);
    this.#counts.bots += events;
    return events > 0;
  }

  #expire(partition: Entry<Partition>): void {
    this.#expireIn(partition.key, this.#watermarks.of(partition.value));
    const { floorMs } = this.#watermarks;
    if (floorMs <= this.#schedule.earliestMs) return;
    // The newest event of all may have moved the watermark of partitions that lag behind.
    this.#expireIn(everyPartition, floorMs);
    for (const { key, value } of this.#watermarks.table.entries())
      this.#expireIn(key, this.#watermarks.of(value));
    this.#schedule.settle();
  }

  #expireIn(partition: string, watermarkMs: number): void {
    for (;;) {
      const timer = this.#schedule.take(partition, watermarkMs);
      if (timer === null) return;
      switch (timer.kind) {
        case 'open':
          this.#closing.close(this.#join.open.get(timer.key)!);
          break;
        case 'retained':
          this.#join.lapse(this.#join.retained.get(timer.key)!);
          break;
        case 'remembered':
          this.#join.remembered.remove(this.#join.remembered.get(timer.key)!);
          break;
        case 'orphan':
          this.#abandon(this.#join.orphans.get(timer.key)!);
          break;
        case 'session':
          this.#admission.expire(timer);
          break;
      }
    }
  }

  /** The impression of a waiting click will not come. */
  #abandon(orphan: Entry<Orphan>): void {
    this.#join.dismiss(orphan);
    if (!this.#admission.isBot(orphan.value.session)) this.#counts.orphans++;
  }

  /** Whether what a timer reminds of is still as it was when the timer was set. */
  #holds(timer: Timer): boolean {
    return this.#tableOf(timer).get(timer.key)?.order === timer.order;
  }

  #tableOf(timer: Timer): SlotTable<unknown> {
    switch (timer.kind) {
      case 'open':
      case 'retained':
      case 'remembered':
        return this.#join[timer.kind] as SlotTable<unknown>;
      case 'orphan':
        return this.#join.orphans as SlotTable<unknown>;
      case 'session':
        return this.#admission.table as SlotTable<unknown>;
    }
  }

  #tables(): SlotTable<unknown>[] {
    const { pages, open, retained, remembered, orphans } = this.#join;
    const tables = [pages, open, retained, remembered, orphans];
    const others = [this.#watermarks, this.#admission, this.#catalogue].map(({ table }) => table);
    return [...tables, ...others, ...this.#outlet.tables] as SlotTable<unknown>[];
  }
}
