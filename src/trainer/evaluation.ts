// What rankers are tested on: judged queries, or the clicks on holdout groups. Only holdout queries: nothing here
// has ever trained anything (promise 7).
import type { Document, Group, JournalReader } from '../contract.ts';
import type { QualityTable } from '../protocol.ts';
import type { JudgedQuery } from './judged.ts';
import { isMeasurable } from './quality.ts';

/** One query with its pool. `grades[i]` and `shown[i]` belong to `documents[i]`. */
export interface EvaluationQuery {
  readonly query: string;
  readonly documents: readonly Document[];
  readonly grades: readonly number[];
  /** Scores that give the order shown; null where the pool was never shown as a page. */
  readonly shown: readonly number[] | null;
}

export interface EvaluationSet {
  readonly on: QualityTable['on'];
  readonly queries: readonly EvaluationQuery[];
}

/** Judged queries that are held out, by the journal's own rule. Those without a relevant document are left out. */
export function judgedSet(
  queries: readonly JudgedQuery[],
  isHoldout: (query: string) => boolean,
): EvaluationSet {
  const held = queries.filter(
    ({ query, grades }) => isHoldout(query) && isMeasurable({ grades, scores: [] }),
  );
  return { on: 'judgments', queries: held.map((query) => ({ ...query, shown: null })) };
}

/** Satisfied clicks as grades 1 and 0. Groups without one say nothing about an order and are left out. */
export function clickSet(groups: readonly Group[]): EvaluationSet {
  const queries = groups
    .filter((group) => group.results.some((r) => r.satisfied) && group.results.some((r) => !r.satisfied))
    .map((group) => ({
      query: group.query,
      documents: group.results,
      grades: group.results.map((r) => (r.satisfied ? 1 : 0)),
      shown: group.results.map((r) => -r.position),
    }));
  return { on: 'clicks', queries };
}

/** The newest `max` holdout groups before `cursor` that the journal still has: a function of the cursor. */
export function holdoutGroups(journal: JournalReader, cursor: number, max: number): Group[] {
  const { low } = journal.status();
  const held = (groups: Group[]): Group[] => groups.filter((group) => group.holdout);
  const recent = held(journal.read(Math.min(low, cursor), cursor)).slice(-max);
  if (recent.length >= max) return recent;
  const older = held(journal.recall(journal.memory()));
  return [...older.slice(Math.max(0, older.length - (max - recent.length))), ...recent];
}
