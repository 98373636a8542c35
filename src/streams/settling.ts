// What becomes of a closed page by what is known of the whole stream: a group, or a count.
//
// Invariants:
// 1. Every page that closes is counted once: `unclicked`, `withheld`, `shed` or `groups`; a correction that
//    becomes a group is in `corrected` too.
// 2. Sequence numbers have no gaps.
// 3. Holdout groups teach the propensities nothing, as they teach nobody anything (promise 7).
// All of it depends on the order of calls; nothing before it (intake.ts) does beyond its own partition, so
// builders can do that part, each for the partitions it has, and one trainer this one (decision 15).
import type { Config } from '../config.ts';
import type { Coordinates, Group, IngestCounts } from '../contract.ts';
import { type Context, groupOf } from './group.ts';
import { Audiences } from './privacy.ts';
import { Propensities } from './propensity.ts';
import { type Ring, Shedding } from './shedding.ts';
import type { Saved, SlotTable } from './slot-table.ts';
import type { StateEntry } from './state.ts';
import type { Page, Visit } from './visit.ts';
import { placeOfKey } from './watermark.ts';

/** Where the join tells what it found out. */
export interface Outlet {
  /** State of its own, to be drained beside that of the join. */
  readonly tables: readonly SlotTable<unknown>[];
  /** A user, known by hash, issued the query. */
  issued(queryKey: string, user: string): void;
  /** An open page is complete. */
  closed(impressionId: string, visit: Visit, page: Page): void;
  /** A click has come for a page that was closed; it is the last of the visit's. */
  corrected(impressionId: string, visit: Visit, page: Page): void;
  /** The groups made since the last call. */
  take(): Group[];
  /** Appends what of its state is in no slot table and changed since the last drain. */
  drain(changes: StateEntry[], ring: Ring | null): void;
}

export interface SettlingParts {
  readonly config: Config;
  /** Counted into. */
  readonly counts: IngestCounts;
  readonly saved: Saved;
  readonly nextSequence: number;
}

export class Settling implements Outlet {
  readonly #counts: IngestCounts;
  readonly #audiences: Audiences;
  readonly #propensities: Propensities;
  readonly #shedding: Shedding;
  readonly #context: Context;
  #nextSequence: number;
  #groups: Group[] = [];

  constructor({ config, counts, saved, nextSequence }: SettlingParts) {
    this.#counts = counts;
    this.#audiences = new Audiences(config, saved);
    this.#propensities = new Propensities(config, saved);
    this.#shedding = new Shedding(config, saved.entries);
    this.#context = { config, propensity: (position) => this.#propensities.of(position) };
    this.#nextSequence = nextSequence;
  }

  get tables(): readonly SlotTable<unknown>[] {
    return [this.#audiences.table as SlotTable<unknown>];
  }

  issued(queryKey: string, user: string): void {
    this.#audiences.note(queryKey, user);
  }

  closed(impressionId: string, visit: Visit, page: Page): void {
    if (visit.clicks.length > 0) this.#settle(impressionId, visit, page);
    else this.#counts.unclicked++;
    const clicked = new Set(visit.clicks.map((click) => click.index));
    if (!visit.holdout) this.#propensities.observe(visit.queryKey, page.results, clicked);
  }

  corrected(impressionId: string, visit: Visit, page: Page): void {
    if (this.#settle(impressionId, visit, page)) this.#counts.corrected++;
  }

  take(): Group[] {
    const groups = this.#groups;
    this.#groups = [];
    return groups;
  }

  drain(changes: StateEntry[], ring: Ring | null): void {
    this.#propensities.drain(changes);
    if (ring !== null) this.#shedding.look(ring, this.#nextSequence);
    this.#shedding.drain(changes);
  }

  /** Makes a group of what is known of a page, unless too few users have issued its query, or it is shed. */
  #settle(impressionId: string, visit: Visit, page: Page): boolean {
    const counts = this.#counts;
    if (!this.#audiences.suffices(visit.queryKey)) {
      counts.withheld++;
      return false;
    }
    if (!this.#shedding.keeps(impressionId)) {
      counts.shed++;
      return false;
    }
    const origin: Coordinates = { ...placeOfKey(visit.partition), offset: visit.offset };
    const place = { sequence: this.#nextSequence++, impressionId, origin };
    const group = groupOf(visit, page, place, this.#context);
    visit.journalled = visit.clicks.length;
    visit.sequence ??= group.sequence;
    this.#groups.push(group);
    counts.groups++;
    if (group.holdout) counts.holdoutGroups++;
    counts.pairs += group.pairs.length;
    counts.preferences += group.preferences.length;
    return true;
  }
}
