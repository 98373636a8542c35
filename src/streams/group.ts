// An impression and its clicks as a group of the journal.
import type { Config } from '../config.ts';
import type { Coordinates, Group, GroupResult } from '../contract.ts';
import { pairsOf, preferencesOf } from './clicks.ts';
import type { Click, Page, Visit } from './visit.ts';

export interface Context {
  readonly config: Config;
  /** Probability that a user looks at a position. */
  readonly propensity: (position: number) => number;
}

/** Where the group stands in the journal. */
export interface Place {
  readonly sequence: number;
  readonly impressionId: string;
  readonly origin: Coordinates;
}

/**
 * All clicks known so far mark the results; pairs and preferences are only those that the clicks which are
 * not yet in the journal add, so that a correction teaches nothing twice. A preference that an earlier group
 * holds and a later click refutes is not taken back: the journal is append-only, and the correction's results
 * show it. A holdout group has neither pairs nor preferences: it must not train anything (promise 7), but its
 * clicks serve for evaluation.
 */
export function groupOf(visit: Visit, page: Page, place: Place, context: Context): Group {
  const results = mark(page, visit.clicks, context);
  const { pairs, preferences } = visit.holdout ? nothing : taught(results, visit, page, context);
  return {
    sequence: place.sequence,
    impressionId: place.impressionId,
    timeMs: visit.timeMs,
    newestMs: visit.clicks.reduce((newest, click) => Math.max(newest, click.timeMs), visit.timeMs),
    query: page.query,
    queryKey: visit.queryKey,
    holdout: visit.holdout,
    results,
    corrects: visit.sequence,
    origin: place.origin,
    pairs,
    preferences,
  };
}

type Lesson = Pick<Group, 'pairs' | 'preferences'>;

const nothing: Lesson = { pairs: [], preferences: [] };

function taught(results: readonly GroupResult[], visit: Visit, page: Page, context: Context): Lesson {
  const { config } = context;
  const pairs = pairsOf(results);
  const preferences = preferencesOf(results, config);
  const { preferencesMax } = config.clicks;
  if (visit.journalled === 0) return { pairs, preferences: preferences.slice(0, preferencesMax) };
  const before = mark(page, visit.clicks.slice(0, visit.journalled), context);
  const pairsBefore = new Set(pairsOf(before));
  const preferencesBefore = new Set(preferencesOf(before, config).map((p) => `${p.better}>${p.worse}`));
  return {
    pairs: pairs.filter((index) => !pairsBefore.has(index)),
    preferences: preferences
      .filter((p) => !preferencesBefore.has(`${p.better}>${p.worse}`))
      .slice(0, preferencesMax),
  };
}

function mark({ results }: Page, clicks: readonly Click[], { propensity }: Context): GroupResult[] {
  const marked = results.map((result) => ({
    documentId: result.documentId,
    title: result.title,
    summary: result.summary,
    position: result.position,
    propensity: propensity(result.position),
    clicked: false,
    satisfied: false,
  }));
  for (const { index, satisfied } of clicks) {
    const result = marked[index]!;
    result.clicked = true;
    result.satisfied ||= satisfied;
  }
  return marked;
}
