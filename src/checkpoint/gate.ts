// Whether a candidate generation goes live. Decides only, with a named reason and the figures it decided by:
// the same question gives the same verdict.
//
// Every difference is candidate minus live, on the same queries by the same labels, with its interval over
// queries. Docs: decision 0013.
import type { Config } from '../config.ts';
import type { GateVerdict, GenerationId } from '../contract.ts';
import type { Comparison, Trial } from '../evidence.ts';
import { generationNumber } from './generation.ts';

/** The metric that stands for a generation's quality at a glance. */
export const qualityMetric = 'holdout.ndcg10';

/** What serves while the candidate is judged. */
export interface Incumbent {
  readonly id: GenerationId;
  /** False when it is damaged or gone: then it cannot serve either. */
  readonly usable: boolean;
  /** An operator wants it kept: it stays live until it is unpinned. */
  readonly pinned: boolean;
  /** Groups learnt by the newest generation when the live pointer last moved; null where nobody wrote it. */
  readonly movedAt: number | null;
}

/**
 * Reasons, the first that holds:
 *
 * | decision | reason | when |
 * | --- | --- | --- |
 * | REJECT | non-finite | a metric or a score is not a number |
 * | REJECT | flat | scores of one query are less than `spreadMin` apart |
 * | REJECT | disagrees | its order has less to do with its teacher's than `agreementMin` |
 * | PROMOTE | first | nothing is live yet |
 * | PROMOTE | live-unusable | what is live is damaged or gone |
 * | REJECT | quality-fell, forgot | nDCG@10 is surely below the live one's, on the anchor: forgot |
 * | REJECT | pnr-fell | so is PNR |
 * | HOLD | unsure | on the set that counts most, nDCG@10 may have fallen by more than `dropMax` |
 * | HOLD | pinned | it would go live, but what is live is pinned |
 * | HOLD | cooling | or has been for less than `cooldown` groups |
 * | PROMOTE | better | nDCG@10 is surely above the live one's |
 * | PROMOTE | no-worse | it has surely not fallen by more than `dropMax` |
 * | PROMOTE or HOLD | unproven | no set has `queriesMin` queries; `gate.unproven` says which |
 *
 * "Surely": the whole interval is on that side.
 *
 * @param live null when nothing is.
 */
export function judgeCandidate(trial: Trial, live: Incumbent | null, gate: Config['gate']): GateVerdict {
  const figures = figuresOf(trial, live, gate);
  const refusal = insane(trial, gate);
  if (refusal) return { decision: 'REJECT', reason: refusal, figures };
  if (live === null) return { decision: 'PROMOTE', reason: 'first', figures };
  if (!live.usable) return { decision: 'PROMOTE', reason: 'live-unusable', figures };
  const finding = compareQuality(trial, gate);
  if (finding.decision !== 'PROMOTE') return { ...finding, figures };
  if (live.pinned) return { decision: 'HOLD', reason: 'pinned', figures };
  if (live.movedAt !== null && trial.cursor < live.movedAt + gate.cooldown)
    return { decision: 'HOLD', reason: 'cooling', figures };
  return { ...finding, figures };
}

type Finding = Pick<GateVerdict, 'decision' | 'reason'>;

/** What speaks against a student whatever is live; null when nothing does. */
function insane(trial: Trial, { spreadMin, agreementMin, queriesMin }: Config['gate']): string | null {
  const { metrics, nonFinite, spread, agreement, queries } = trial;
  if (nonFinite > 0 || !Object.values(metrics).every(Number.isFinite)) return 'non-finite';
  if (spread !== null && spread < spreadMin) return 'flat';
  if (agreement !== null && queries >= queriesMin && agreement < agreementMin) return 'disagrees';
  return null;
}

/** Any set may show that it is worse; the first that is large enough must show that it is not. */
function compareQuality({ comparisons }: Trial, gate: Config['gate']): Finding {
  const proven = comparisons.filter(({ queries }) => queries.length >= gate.queriesMin);
  const [first] = proven;
  if (!first) return { decision: gate.unproven === 'promote' ? 'PROMOTE' : 'HOLD', reason: 'unproven' };
  const fell = proven.find(({ ndcg10 }) => ndcg10.high < 0);
  if (fell) return { decision: 'REJECT', reason: fell.on === 'anchor' ? 'forgot' : 'quality-fell' };
  if (proven.some(({ lnPnr }) => lnPnr.high < 0)) return { decision: 'REJECT', reason: 'pnr-fell' };
  if (first.ndcg10.low > 0) return { decision: 'PROMOTE', reason: 'better' };
  return first.ndcg10.low >= -gate.dropMax
    ? { decision: 'PROMOTE', reason: 'no-worse' }
    : { decision: 'HOLD', reason: 'unsure' };
}

/** What is known, and finite: figures are stored in the manifest. */
function figuresOf(trial: Trial, live: Incumbent | null, gate: Config['gate']): Record<string, number> {
  const known: Record<string, number | null> = {
    live: live && generationNumber(live.id),
    nonFinite:
      trial.nonFinite + Object.values(trial.metrics).filter((value) => !Number.isFinite(value)).length,
    spread: trial.spread,
    agreement: trial.agreement,
    movedAt: live?.movedAt ?? null,
    dropMax: gate.dropMax,
    queriesMin: gate.queriesMin,
    confidence: gate.confidence,
    cooldown: gate.cooldown,
  };
  for (const comparison of trial.comparisons) Object.assign(known, comparisonFigures(comparison));
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  );
}

/** `judgments.queries`, `judgments.ndcg10`, `judgments.ndcg10Low`, ...; PNR as the ratio of the two. */
const comparisonFigures = ({ on, queries, ndcg10, lnPnr }: Comparison): Record<string, number> => ({
  [`${on}.queries`]: queries.length,
  [`${on}.ndcg10`]: ndcg10.mean,
  [`${on}.ndcg10Low`]: ndcg10.low,
  [`${on}.ndcg10High`]: ndcg10.high,
  [`${on}.pnrRatio`]: Math.exp(lnPnr.mean),
  [`${on}.pnrRatioLow`]: Math.exp(lnPnr.low),
  [`${on}.pnrRatioHigh`]: Math.exp(lnPnr.high),
});

/** The number of the generation that a verdict was reached against; null: none, or before November 2026. */
export const judgedAgainst = ({ figures }: GateVerdict): number | null => figures.live ?? null;
