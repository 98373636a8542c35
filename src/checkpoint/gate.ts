// Whether a candidate generation goes live. Decides only, with a named reason and the figures it decided by.
//
// The first gate: quality on holdout queries must not fall. Not guaranteed: that a small fall or gain is
// real; that takes an interval over queries, not two means.
import type { Config } from '../config.ts';
import type { GateVerdict } from '../contract.ts';

/** Names of the metrics that the gate reads from a snapshot and from the live generation's manifest. */
export const gateMetrics = { quality: 'holdout.ndcg10', queries: 'holdout.queries' } as const;

/** The metrics of a snapshot or manifest. */
export type Metrics = Readonly<Record<string, number>>;

/** Room for rounding where a figure stands exactly on the bound: 0.7 - 0.69 is a little more than 0.01. */
const rounding = 1e-9;

/**
 * Reasons, the first that holds:
 *
 * - REJECT `non-finite`: a metric is not a number.
 * - PROMOTE `first`: nothing is live yet.
 * - PROMOTE `unproven`: fewer than `gate.queriesMin` holdout queries on either side, or no figure for them.
 * - REJECT `quality-fell`: holdout nDCG@10 is more than `gate.dropMax` below the live one's.
 * - PROMOTE `quality-held`.
 *
 * @param live metrics of the generation that serves, null when none does.
 */
export function judgeCandidate(candidate: Metrics, live: Metrics | null, gate: Config['gate']): GateVerdict {
  const figures = figuresOf(candidate, live, gate);
  const nonFinite = Object.values(candidate).filter((value) => !Number.isFinite(value)).length;
  if (nonFinite > 0) return { decision: 'REJECT', reason: 'non-finite', figures: { ...figures, nonFinite } };
  if (live === null) return { decision: 'PROMOTE', reason: 'first', figures };
  const drop = dropOf(candidate, live);
  if (drop === null || queriesOf(candidate) < gate.queriesMin || queriesOf(live) < gate.queriesMin)
    return { decision: 'PROMOTE', reason: 'unproven', figures };
  return drop <= gate.dropMax + rounding
    ? { decision: 'PROMOTE', reason: 'quality-held', figures }
    : { decision: 'REJECT', reason: 'quality-fell', figures };
}

/** How far the candidate is below the live one; negative when it is better. */
function dropOf(candidate: Metrics, live: Metrics): number | null {
  const before = live[gateMetrics.quality];
  const after = candidate[gateMetrics.quality];
  return before === undefined || after === undefined ? null : before - after;
}

const queriesOf = (metrics: Metrics): number => metrics[gateMetrics.queries] ?? 0;

/** What is known, and finite: figures are stored in the manifest. */
function figuresOf(candidate: Metrics, live: Metrics | null, gate: Config['gate']): Metrics {
  const known = {
    candidateNdcg10: candidate[gateMetrics.quality],
    candidateQueries: candidate[gateMetrics.queries],
    liveNdcg10: live?.[gateMetrics.quality],
    liveQueries: live?.[gateMetrics.queries],
    drop: live === null ? undefined : (dropOf(candidate, live) ?? undefined),
    dropMax: gate.dropMax,
    queriesMin: gate.queriesMin,
  };
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}
