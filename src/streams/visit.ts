// What the join keeps of an impression and of a click that waits, and how the journal stores it (see
// slot-table.ts).
import type { Result } from '../contract.ts';

export interface Click {
  /** Index of the result. */
  readonly index: number;
  readonly timeMs: number;
  /** As the event said it (see `eventTime`): by it the same click is known when it is delivered again. */
  readonly saidMs: number;
  readonly satisfied: boolean;
}

/** An impression without its texts: small, for it is written again with every click. */
export interface Visit {
  /** `topic/partition` and offset of the impression's record. */
  readonly partition: string;
  readonly offset: number;
  readonly timeMs: number;
  /** Hash of the session id. */
  readonly session: string;
  readonly queryKey: string;
  readonly holdout: boolean;
  readonly clicks: Click[];
  /** How many of the clicks are in the journal, and in which group they were first. */
  journalled: number;
  sequence: number | null;
}

/** What was shown: written once. The query is redacted. */
export interface Page {
  readonly query: string;
  readonly results: readonly Result[];
}

/** A click whose impression has not come. */
export interface Orphan {
  readonly partition: string;
  readonly impressionId: string;
  readonly documentId: string;
  readonly timeMs: number;
  readonly saidMs: number;
  readonly satisfied: boolean;
  readonly session: string;
}

/** All that stays of an impression in the end. */
export interface Remembered {
  readonly partition: string;
  readonly timeMs: number;
}

export const packVisit = (v: Visit): readonly unknown[] => [
  v.partition,
  v.offset,
  v.timeMs,
  v.session,
  v.queryKey,
  v.holdout ? 1 : 0,
  v.journalled,
  v.sequence,
  ...v.clicks.flatMap((c) => [c.index, c.timeMs - v.timeMs, c.saidMs - c.timeMs, c.satisfied ? 1 : 0]),
];

export function unpackVisit(fields: readonly unknown[]): Visit {
  const [partition, offset, timeMs, session, queryKey, holdout, journalled, sequence, ...flat] = fields as [
    ...[string, number, number, string, string, number, number, number | null],
    ...number[],
  ];
  const clicks: Click[] = [];
  for (let at = 0; at < flat.length; at += 4) {
    const [index, afterMs, aheadMs, satisfied] = flat.slice(at, at + 4) as [number, number, number, number];
    const clickMs = timeMs + afterMs;
    clicks.push({ index, timeMs: clickMs, saidMs: clickMs + aheadMs, satisfied: satisfied === 1 });
  }
  const fate = { holdout: holdout === 1, clicks, journalled, sequence };
  return { partition, offset, timeMs, session, queryKey, ...fate };
}

export const packPage = (page: Page): readonly unknown[] => [
  page.query,
  ...page.results.flatMap((r) => [r.position, r.documentId, r.title, r.summary]),
];

export function unpackPage(fields: readonly unknown[]): Page {
  const [query, ...flat] = fields as [string, ...unknown[]];
  const results: Result[] = [];
  for (let at = 0; at < flat.length; at += 4) {
    const [position, documentId, title, summary] = flat.slice(at, at + 4) as [number, string, string, string];
    results.push({ position, documentId, title, summary });
  }
  return { query, results };
}

export const packRemembered = (r: Remembered): readonly unknown[] => [r.partition, r.timeMs];

export function unpackRemembered(fields: readonly unknown[]): Remembered {
  const [partition, timeMs] = fields as [string, number];
  return { partition, timeMs };
}

export const packOrphan = (o: Orphan): readonly unknown[] => [
  o.partition,
  o.impressionId,
  o.documentId,
  o.timeMs,
  o.saidMs,
  o.satisfied ? 1 : 0,
  o.session,
];

export function unpackOrphan(fields: readonly unknown[]): Orphan {
  const [partition, impressionId, documentId, timeMs, saidMs, satisfied, session] = fields as [
    ...[string, string, string, number, number, number, string],
  ];
  return { partition, impressionId, documentId, timeMs, saidMs, satisfied: satisfied === 1, session };
}
