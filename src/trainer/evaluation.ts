// What rankers are tested on: judged queries, or the clicks on holdout groups. Only holdout queries: nothing
// here has ever trained anything (promise 7).
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
  /** How much it counts. */
  readonly weight: number;
  /** Rankings of one unit depend on each other: the clicks of one query. Absent: the query's text is it. */
  readonly unit?: string;
}

export interface EvaluationSet {
  readonly on: QualityTable['on'];
  readonly queries: readonly EvaluationQuery[];
}

/**
 * Judged queries that are held out, by the journal's own rule. Those without a relevant document are left
 * out.
 */
export function judgedSet(
  queries: readonly JudgedQuery[],
  isHoldout: (query: string) => boolean,
): EvaluationSet {
  const held = queries.filter(
    ({ query, grades }) => isHoldout(query) && isMeasurable({ grades, scores: [] }),
  );
  return { on: 'judgments', queries: held.map((query) => ({ ...query, shown: null, weight: 1 })) };
}

/**
 * Satisfied clicks stand for relevance: one ranking per click, against the results of its page without one.
 * It counts 1 / propensity: a click far down, where few look, stands for many that were not made (Joachims,
 * Swaminathan & Schnabel 2017). Clicks exist only where people looked, so these figures compare rankers; they
 * are no judgments.
 */
export function clickSet(groups: readonly Group[]): EvaluationSet {
  const queries = groups.flatMap((group) =>
    group.results
      .filter((clicked) => clicked.satisfied)
      .map((clicked) => {
        const pool = group.results.filter((result) => result === clicked || !result.satisfied);
        return {
          query: group.query,
          documents: pool,
          grades: pool.map((result) => (result === clicked ? 1 : 0)),
          shown: pool.map((result) => -result.position),
          weight: 1 / clicked.propensity,
          unit: group.queryKey,
        };
      }),
  );
  return { on: 'clicks', queries: queries.filter(({ documents }) => documents.length > 1) };
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
