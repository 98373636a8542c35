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
  const { config } = context;
  const results = mark(page, visit.clicks, context);
  const group = {
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
  };
  if (visit.holdout) return { ...group, pairs: [], preferences: [] };
  const before = visit.journalled === 0 ? [] : mark(page, visit.clicks.slice(0, visit.journalled), context);
  const pairsBefore = new Set(pairsOf(before));
  const preferencesBefore = new Set(preferencesOf(before, config).map((p) => `${p.better}>${p.worse}`));
  return {
    ...group,
    pairs: pairsOf(results).filter((index) => !pairsBefore.has(index)),
    preferences: preferencesOf(results, config)
      .filter((p) => !preferencesBefore.has(`${p.better}>${p.worse}`))
      .slice(0, config.clicks.preferencesMax),
  };
}

function mark(page: Page, clicks: readonly Click[], context: Context): GroupResult[] {
  const clicked = new Set(clicks.map((click) => click.index));
  const satisfied = new Set(clicks.filter((click) => click.satisfied).map((click) => click.index));
  return page.results.map((result, index) => ({
    documentId: result.documentId,
    title: result.title,
    summary: result.summary,
    position: result.position,
    propensity: context.propensity(result.position),
    clicked: clicked.has(index),
    satisfied: satisfied.has(index),
  }));
}
