// Clicks to impressions, by impression id, in event time.
//
// An impression is open until the watermark of its partition is past its time + `join.window`, then retained
// for `join.lateness_max` (a click then makes a correction), then only remembered by its id for as long again
// as both together (a click then is too late, not an orphan). A click that comes before its impression waits.
//
//   judge -> open -> retained -> remembered -> forgotten
//
// Invariants:
// 1. An impression is in exactly one of the stages. An event of an impression that is in any of them and was
//    seen before is a duplicate: the same impression again, or a click on the same document at the same time.
// 2. An impression that comes when it would be retained no more is too late: if it was here before, that is
//    forgotten. So no impression is ever taken twice, however late it is delivered again.
// 3. Every stage, and the waiting clicks, hold a bounded number; when one is full its oldest moves on early.
// 4. An event is judged by the watermark that it itself has moved: after hours of silence a click does not
//    find its page still open.
// Which partition a click comes from does not matter; its impression's watermark decides.
import type { Config } from '../config.ts';
import type { ClickEvent } from '../contract.ts';
import type { Schedule, Timer, TimerKind } from './schedule.ts';
import { type Entry, type Saved, SlotTable } from './slot-table.ts';
import {
  type Click,
  type Orphan,
  type Page,
  packOrphan,
  packPage,
  packRemembered,
  packVisit,
  type Remembered,
  unpackOrphan,
  unpackPage,
  unpackRemembered,
  unpackVisit,
  type Visit,
} from './visit.ts';

/** What a click is. Those that are dropped bear the name of their count. */
export type Judgement =
  | { readonly fate: 'open' | 'retained'; readonly visit: Entry<Visit>; readonly index: number }
  | { readonly fate: 'waiting' | 'duplicates' | 'unshown' | 'tooLate' | 'orphans' };

/** A page with so many clicks has said what it has to say: further ones count as duplicates (promise 11). */
const clicksMax = 100;

export class Join {
  readonly open: SlotTable<Visit>;
  readonly retained: SlotTable<Visit>;
  readonly remembered: SlotTable<Remembered>;
  readonly pages: SlotTable<Page>;
  readonly orphans: SlotTable<Orphan>;
  readonly #waiting = new Map<string, Set<Entry<Orphan>>>();
  readonly #schedule: Schedule;
  readonly #windowMs: number;
  readonly #latenessMaxMs: number;

  constructor(config: Config, schedule: Schedule, saved: Saved) {
    const { openMax, orphansMax, window, latenessMax } = config.join;
    const table = 'impressions';
    const visits = { table, capacity: openMax, pack: packVisit, unpack: unpackVisit } as const;
    const texts = { table, capacity: 2 * openMax, pack: packPage, unpack: unpackPage } as const;
    const ids = { table, capacity: openMax, pack: packRemembered, unpack: unpackRemembered } as const;
    const clicks = {
      table: 'orphans',
      capacity: orphansMax,
      pack: packOrphan,
      unpack: unpackOrphan,
    } as const;
    this.pages = new SlotTable({ ...texts, name: 'pages', base: 0 }, saved);
    this.open = new SlotTable({ ...visits, name: 'open', base: 2 * openMax }, saved);
    this.retained = new SlotTable({ ...visits, name: 'retained', base: 3 * openMax }, saved);
    this.remembered = new SlotTable({ ...ids, name: 'remembered', base: 4 * openMax }, saved);
    this.orphans = new SlotTable({ ...clicks, name: 'orphans', base: 0 }, saved);
    this.#schedule = schedule;
    this.#windowMs = window;
    this.#latenessMaxMs = latenessMax;
    for (const kind of ['open', 'retained', 'remembered'] as const)
      for (const entry of this[kind].entries()) this.#remind(kind, entry);
    for (const entry of this.orphans.entries()) this.#await(entry);
  }

  judgeImpression(
    impressionId: string,
    timeMs: number,
    watermarkMs: number,
  ): 'taken' | 'duplicates' | 'tooLate' {
    if (this.open.get(impressionId) || this.retained.get(impressionId) || this.remembered.get(impressionId))
      return 'duplicates';
    return watermarkMs > timeMs + this.#windowMs + this.#latenessMaxMs ? 'tooLate' : 'taken';
  }

  /** @param watermarkMs of the click's partition. */
  judgeClick(click: ClickEvent, timeMs: number, watermarkMs: number): Judgement {
    const { impressionId, documentId, timeMs: saidMs } = click;
    const open = this.open.get(impressionId);
    const visit = open ?? this.retained.get(impressionId);
    if (visit !== undefined) {
      const { results } = this.pages.get(impressionId)!.value;
      const index = results.findIndex((result) => result.documentId === documentId);
      if (index < 0) return { fate: 'unshown' };
      const { clicks } = visit.value;
      const seen = clicks.some((other) => other.index === index && other.saidMs === saidMs);
      if (seen || this.isSated(visit)) return { fate: 'duplicates' };
      return { fate: open === undefined ? 'retained' : 'open', visit, index };
    }
    if (this.remembered.get(impressionId)) return { fate: 'tooLate' };
    if (this.orphans.get(orphanKey(impressionId, documentId, saidMs))) return { fate: 'duplicates' };
    return { fate: watermarkMs > timeMs + this.#windowMs ? 'orphans' : 'waiting' };
  }

  /** Whether the page has so many clicks that further ones count as duplicates. */
  isSated(visit: Entry<Visit>): boolean {
    return visit.value.clicks.length >= clicksMax;
  }

  /** Opens an impression; there must be room. */
  enter(impressionId: string, visit: Visit, page: Page): Entry<Visit> {
    this.pages.add(impressionId, page);
    const entry = this.open.add(impressionId, visit);
    this.#remind('open', entry);
    return entry;
  }

  add(kind: 'open' | 'retained', visit: Entry<Visit>, click: Click): void {
    visit.value.clicks.push(click);
    this[kind].changed(visit);
  }

  /** An open impression becomes a retained one. */
  close(visit: Entry<Visit>): Entry<Visit> {
    if (this.retained.full) this.lapse(this.retained.oldest!);
    this.open.remove(visit);
    const entry = this.retained.add(visit.key, visit.value);
    this.#remind('retained', entry);
    return entry;
  }

  /** A retained impression becomes a remembered one. */
  lapse(visit: Entry<Visit>): void {
    if (this.remembered.full) this.remembered.remove(this.remembered.oldest!);
    this.retained.remove(visit);
    this.pages.remove(this.pages.get(visit.key)!);
    const { partition, timeMs } = visit.value;
    this.#remind('remembered', this.remembered.add(visit.key, { partition, timeMs }));
  }

  /** A click waits for its impression; there must be room. */
  wait(orphan: Orphan): void {
    const key = orphanKey(orphan.impressionId, orphan.documentId, orphan.saidMs);
    this.#await(this.orphans.add(key, orphan));
  }

  /** The click waits no more. */
  dismiss(orphan: Entry<Orphan>): void {
    const { impressionId } = orphan.value;
    const waiting = this.#waiting.get(impressionId)!;
    waiting.delete(orphan);
    if (waiting.size === 0) this.#waiting.delete(impressionId);
    this.orphans.remove(orphan);
  }

  /** The clicks that wait for an impression, in the order they came. */
  waiting(impressionId: string): readonly Entry<Orphan>[] {
    return [...(this.#waiting.get(impressionId) ?? [])];
  }

  #await(orphan: Entry<Orphan>): void {
    const { impressionId } = orphan.value;
    const waiting = this.#waiting.get(impressionId);
    if (waiting) waiting.add(orphan);
    else this.#waiting.set(impressionId, new Set([orphan]));
    this.#remind('orphan', orphan);
  }

  #remind(kind: TimerKind, entry: Entry<{ readonly partition: string; readonly timeMs: number }>): void {
    const { partition, timeMs } = entry.value;
    const timer: Timer = { dueMs: timeMs + this.#lifetimeMs(kind), kind, order: entry.order, key: entry.key };
    this.#schedule.add(partition, timer);
  }

  /** After its event time. */
  #lifetimeMs(kind: TimerKind): number {
    const retainedMs = this.#windowMs + this.#latenessMaxMs;
    if (kind === 'retained') return retainedMs;
    return kind === 'remembered' ? 2 * retainedMs : this.#windowMs;
  }
}

const orphanKey = (impressionId: string, documentId: string, saidMs: number): string =>
  `${impressionId}\n${documentId}\n${saidMs}`;
