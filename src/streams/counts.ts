// What ingest counts. Which count an event goes into:
// - every record in `records`, and in `malformed`, `ignored` or `events`; every event in `impressions`,
//   `clicks` or `documents`, whatever becomes of it, and in `late` if it is. Those say what came.
// - `duplicates`, `bots`, `tooLate`, `orphans` and `unshown` say what was dropped and why. An event goes into
//   at most one of them, with one exception: an event that was dropped for another reason before its session
//   was found to be a bot's is in `bots` too.
// - Every impression that was taken and was not a bot's is, once closed, in `unclicked`, `withheld`, `shed`
//   or `groups`; `corrected` groups come on top.
import type { IngestCounts } from '../contract.ts';
import { foreignFormat, type Saved } from './slot-table.ts';
import type { StateEntry } from './state.ts';

const version = 1;

const none: IngestCounts = {
  records: 0,
  events: 0,
  impressions: 0,
  clicks: 0,
  documents: 0,
  ignored: 0,
  undocumented: 0,
  malformed: 0,
  duplicates: 0,
  late: 0,
  corrected: 0,
  tooLate: 0,
  orphans: 0,
  unshown: 0,
  bots: 0,
  crowdedOut: 0,
  withheld: 0,
  shed: 0,
  redacted: 0,
  unclicked: 0,
  groups: 0,
  holdoutGroups: 0,
  pairs: 0,
  preferences: 0,
};

export const noCounts = (): IngestCounts => ({ ...none });

/** What a drain leaves in slot 0 of the table `counts`. */
export interface Totals {
  readonly counts: IngestCounts;
  /** Order of the next entry of each slot table. */
  readonly next: Saved['next'];
}

export function packTotals(totals: Totals): StateEntry {
  const value = Buffer.from(JSON.stringify([version, totals.counts, totals.next]));
  return { table: 'counts', slot: 0, value };
}

/** @throws RestillError JOURNAL_FOREIGN if the value was written in another format. */
export function unpackTotals(entries: readonly StateEntry[]): Totals {
  const value = entries.find(({ table, slot }) => table === 'counts' && slot === 0)?.value;
  if (value == null) return { counts: noCounts(), next: {} };
  const [format, counts, next] = JSON.parse(Buffer.from(value).toString('utf8')) as [
    number,
    IngestCounts,
    Saved['next'],
  ];
  if (format !== version) throw foreignFormat('counts', 0, format);
  return { counts: { ...none, ...counts }, next };
}
