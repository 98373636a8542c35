// What the trainer hands to the gate: how a candidate and the live student did on the same queries. Types
// only.

/** A figure's mean and its interval over queries. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** How a student orders the results of one query. */
export interface Ordering {
  /** Mean over the rankings of the query. */
  readonly ndcg10: number;
  /** Weights of document pairs of different grade: in the right order, and in the wrong one. */
  readonly concordant: number;
  readonly discordant: number;
}

/** Candidate and live student on one query, by the same labels. Holds no text. */
export interface PairedQuery {
  /** Digest of the query. */
  readonly query: string;
  /** Digest of the documents, their grades and weights: what both were measured by. */
  readonly labels: string;
  /** How much the query counts in the mean. */
  readonly weight: number;
  readonly candidate: Ordering;
  readonly live: Ordering;
}

/** Candidate minus live, over the queries of one set. */
export interface Comparison {
  readonly on: 'judgments' | 'clicks' | 'anchor';
  readonly queries: readonly PairedQuery[];
  readonly ndcg10: Interval;
  /** ln PNR: of ratios, the difference of logarithms. */
  readonly lnPnr: Interval;
}

/** What is known of a candidate when the gate is asked. */
export interface Trial {
  readonly cursor: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Scores of the candidate that are not finite numbers; none of its figures mean anything then. */
  readonly nonFinite: number;
  /** Distinct holdout queries that it was measured on at all. */
  readonly queries: number;
  /** Mean standard deviation of its scores within a query, in logits; null without queries. */
  readonly spread: number | null;
  /** Mean Kendall's tau-b with its teacher; null where there is no teacher to ask. */
  readonly agreement: number | null;
  /** With the live student, the set that counts most first; empty where there is none. */
  readonly comparisons: readonly Comparison[];
}
