// What becomes of an impression when it closes, or when a click comes after that: a group, or a count.
//
// Invariants:
// 1. Every impression that closes and is not a bot's is counted once: `unclicked`, `withheld` or `groups`.
//    A bot's leaves no trace here: its events are counted as bots already.
// 2. Sequence numbers have no gaps.
// 3. Holdout groups teach the propensities nothing, as they teach nobody anything (promise 7).
import type { Config } from '../config.ts';
import type { Group, IngestCounts } from '../contract.ts';
import type { Admission } from './admission.ts';
import { groupOf } from './group.ts';
import type { Join } from './join.ts';
import type { Audiences } from './privacy.ts';
import type { Propensities } from './propensity.ts';
import type { Entry } from './slot-table.ts';
import type { Visit } from './visit.ts';
import type { Watermarks } from './watermark.ts';

export interface Parts {
  readonly config: Config;
  readonly counts: IngestCounts;
  readonly watermarks: Watermarks;
  readonly admission: Admission;
  readonly audiences: Audiences;
  readonly join: Join;
  readonly propensities: Propensities;
}

export class Closing {
  readonly #parts: Parts;
  #nextSequence: number;
  #groups: Group[] = [];

  constructor(parts: Parts, nextSequence: number) {
    this.#parts = parts;
    this.#nextSequence = nextSequence;
  }

  /** The groups made since the last call. */
  take(): Group[] {
    const groups = this.#groups;
    this.#groups = [];
    return groups;
  }

  /** An open impression is complete. */
  close(visit: Entry<Visit>): void {
    const { join, admission, propensities, counts } = this.#parts;
    const { queryKey, session, holdout, clicks } = visit.value;
    const { results } = join.pages.get(visit.key)!.value;
    join.close(visit);
    if (admission.isBot(session)) return;
    if (clicks.length > 0) this.#journal(visit);
    else counts.unclicked++;
    const clicked = new Set(clicks.map((click) => click.index));
    if (!holdout) propensities.observe(queryKey, results, clicked);
  }

  /** A click has come for a retained impression. */
  correct(visit: Entry<Visit>): void {
    const { admission, counts } = this.#parts;
    if (admission.isBot(visit.value.session)) return;
    if (this.#journal(visit)) counts.corrected++;
  }

  /** Makes a group of what is known of an impression, unless too few users have issued its query. */
  #journal({ key, value: visit }: Entry<Visit>): boolean {
    const { config, counts, watermarks, audiences, join, propensities } = this.#parts;
    if (!audiences.suffices(visit.queryKey)) {
      counts.withheld++;
      return false;
    }
    const { topic, partition } = watermarks.table.get(visit.partition)!.value;
    const origin = { topic, partition, offset: visit.offset };
    const place = { sequence: this.#nextSequence++, impressionId: key, origin };
    // The page is still here: it goes when the impression lapses, which is after it closes.
    const page = join.pages.get(key)!.value;
    const propensity = (position: number): number => propensities.of(position);
    const group = groupOf(visit, page, place, { config, propensity });
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
