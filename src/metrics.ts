// The catalogue of metrics: every series restill shows has one of these names. Prometheus conventions: base
// units at the end of the name, `_total` for what only grows. Labels come from short lists or are bounded:
// never a query, a document, a user (promise 12).
import type { ErrorCode } from './errors.ts';
import { daemonStates } from './lifecycle.ts';

/** Bounds on the values of each label: the values, or how many different ones a process may show. */
export const labelBounds = {
  topic: 16,
  partition: 1_024,
  version: 1,
  state: daemonStates,
  code: 64,
  reason: 16,
  kind: ['impression', 'click', 'document'],
  outcome: ['unclicked', 'withheld', 'shed', 'kept'],
  use: ['training', 'holdout'],
  turn: ['PRETRAIN', 'FINETUNE', 'SCORE', 'DISTILL', 'EVALUATE', 'SNAPSHOT'],
  objective: ['pretrain', 'finetune', 'distill'],
  on: ['judgments', 'clicks', 'prequential'],
  ranker: ['random', 'bm25', 'shown', 'student', 'teacher'],
  decision: ['PROMOTE', 'HOLD', 'REJECT'],
  api: ['tei', 'cohere', 'vllm', 'other'],
  status: 32,
} as const satisfies Record<string, number | readonly string[]>;

export type LabelName = keyof typeof labelBounds;

interface Metric {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** Not set by anybody: seconds from the timestamp in another metric to the moment of reading. */
  readonly ageOf?: string;
}

const counter = <const L extends readonly LabelName[]>(help: string, ...labels: L) =>
  ({ type: 'counter', help, labels }) as const;
const gauge = <const L extends readonly LabelName[]>(help: string, ...labels: L) =>
  ({ type: 'gauge', help, labels }) as const;
const age = <const A extends string, const L extends readonly LabelName[]>(
  ageOf: A,
  help: string,
  ...labels: L
) => ({ type: 'gauge', help, labels, ageOf }) as const;

export const metrics = {
  // ---- the daemon
  restill_build_info: gauge('1; the label says which restill runs', 'version'),
  restill_state: gauge('1 for the state that the daemon is in, 0 for the others', 'state'),
  restill_ready: gauge('1 when /readyz says yes'),
  restill_series_dropped_total: counter('values not shown because a label had too many different ones'),

  // ---- the source
  restill_source_lag_records: gauge('records between what is durable and the end', 'topic', 'partition'),
  restill_source_lag_seconds: age(
    'restill_source_event_timestamp_seconds',
    'now minus the newest event time taken in; grows while nothing comes, too',
    'topic',
    'partition',
  ),
  restill_source_event_timestamp_seconds: gauge('newest event time taken in', 'topic', 'partition'),
  restill_source_watermark_timestamp_seconds: gauge(
    'event time before which the partition is taken as complete',
    'topic',
    'partition',
  ),
  restill_source_buffered_bytes: gauge('of records that were fetched and wait', 'topic', 'partition'),
  restill_source_paused: gauge('1 while the partition waits for room', 'topic', 'partition'),

  // ---- ingest: cumulative over the life of the journal, of which they are a part
  restill_ingest_records_total: counter('records taken in'),
  restill_ingest_events_total: counter('records that were events', 'kind'),
  restill_ingest_ignored_total: counter('records of none of the kinds that events.mapping knows'),
  restill_ingest_undocumented_total: counter('results left out: their document was not known'),
  restill_ingest_late_total: counter('events behind the watermark of their partition'),
  restill_ingest_corrections_total: counter('late clicks that made a correction group'),
  restill_ingest_dropped_total: counter('events without effect, by reason', 'reason'),
  restill_ingest_impressions_closed_total: counter('closed impressions, by what became of them', 'outcome'),
  restill_ingest_crowded_out_total: counter('impressions closed early because join.open_max was reached'),
  restill_ingest_redactions_total: counter('values replaced in queries'),
  restill_ingest_groups_total: counter('groups written to the journal', 'use'),
  restill_ingest_pairs_total: counter('pairs for pre-training in them'),
  restill_ingest_preferences_total: counter('preferences for fine-tuning in them'),
  restill_dead_letters_total: counter('records that could not be used, since the process started', 'reason'),

  // ---- the journal
  restill_journal_groups: gauge('groups in the ring'),
  restill_journal_capacity_groups: gauge('groups the ring can hold (journal.ring_max)'),
  restill_journal_fill_ratio: gauge('groups in the ring over its capacity; at 1 ingest waits'),

  // ---- the trainer
  restill_trainer_up: gauge('1 while a trainer process is ready'),
  restill_trainer_restarts_total: counter('deaths of the trainer process that led to a restart', 'code'),
  restill_trainer_backlog_groups: gauge('durable groups that the trainer has not learnt from yet'),
  restill_trainer_cursor_groups: gauge('sequence number up to which the trainer has learnt'),
  restill_trainer_steps_total: counter('optimizer steps over the life of the models'),
  restill_trainer_turns_total: counter('turns done since the process started', 'turn'),
  restill_trainer_turn_seconds_total: counter('time they took', 'turn'),
  restill_trainer_loss: gauge('mean loss of the newest turn', 'objective'),
  restill_trainer_gradient_norm: gauge('mean global norm before clipping, newest turn', 'objective'),
  restill_label_age_versions: gauge('age of the oldest label that the newest turn uses (teacher versions)'),
  restill_quality_ndcg10_ratio: gauge(
    'newest nDCG@10: on judgments or clicks of holdout queries, or on new groups before they are learnt',
    'on',
    'ranker',
  ),
  restill_quality_ndcg5_ratio: gauge('newest nDCG@5', 'on', 'ranker'),
  restill_quality_pnr: gauge('newest positive-negative ratio', 'on', 'ranker'),
  restill_quality_mrr_ratio: gauge('newest mean reciprocal rank', 'on', 'ranker'),

  // ---- generations
  restill_generations_total: counter('generations made durable, by what the gate decided', 'decision'),
  restill_gate_verdicts_total: counter('candidates that the gate has judged, by decision', 'decision'),
  restill_generations_damaged_total: counter('generations that failed their checksums'),
  restill_live_generation: gauge('number of the generation that serves'),
  restill_live_teacher_version: gauge('teacher version it was distilled from'),
  restill_live_created_timestamp_seconds: gauge('when it was made'),
  restill_live_click_timestamp_seconds: gauge('event time of the newest click inside it'),
  restill_freshness_seconds: age(
    'restill_live_click_timestamp_seconds',
    'now minus the event time of the newest click inside the live generation',
  ),

  // ---- restill serve
  restill_serve_requests_total: counter('requests answered, by protocol and status', 'api', 'status'),
  restill_serve_request_seconds_total: counter('time from the request to the end of its answer', 'api'),
  restill_serve_documents_total: counter('documents scored for answers'),
  restill_serve_tokens_total: counter('tokens of queries and documents scored for answers'),
  restill_serve_queue_pairs: gauge('pairs of query and document that wait to be scored'),
  restill_serve_batches_total: counter('batches that were scored'),
  restill_serve_pairs_total: counter('pairs in them'),
  restill_serve_swaps_total: counter('generations that went live in this process'),
  restill_serve_refusals_total: counter('generations that should have gone live in it and did not'),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

export const metricNames = Object.keys(metrics) as readonly MetricName[];

export const metricOf = (name: MetricName): Metric => metrics[name];

/** What a metric's labels take: error codes are a list too, of another file. */
export type LabelsOf<N extends MetricName> = {
  readonly [L in (typeof metrics)[N]['labels'][number]]: LabelValue<L>;
};

type LabelValue<L extends LabelName> = L extends 'code'
  ? ErrorCode
  : (typeof labelBounds)[L] extends readonly (infer V)[]
    ? V
    : string;
