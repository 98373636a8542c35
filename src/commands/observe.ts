// What the figures and the readiness of a daemon become with each of its events. Pure.
import type { Board } from '../board.ts';
import { generationNumber } from '../checkpoint/generation.ts';
import type { DeadLetter, IngestCounts, Manifest, PartitionClock } from '../contract.ts';
import type { DaemonEvent, IngestProgress } from '../daemon.rx.ts';
import { daemonStates } from '../lifecycle.ts';
import { type LabelsOf, labelBounds, type MetricName } from '../metrics.ts';
import type { TrainerNews, TurnReport } from '../protocol.ts';
import type { Health } from '../readiness.ts';

export interface Observed {
  readonly board: Board;
  readonly health: Health;
  /** Groups. */
  readonly ringMax: number;
}

export class Observer {
  readonly #observed: Observed;
  /** Sequence numbers. */
  #high = 0;
  #cursor = 0;
  /** What is durable, per `topic/partition`. */
  #offsets: Readonly<Record<string, number>> = {};
  #clocks: readonly PartitionClock[] = [];

  constructor(observed: Observed) {
    this.#observed = observed;
    beginAtZero(observed.board);
  }

  follow(event: DaemonEvent): void {
    const { board, health } = this.#observed;
    switch (event.kind) {
      case 'ingest':
        return this.#ingest(event.progress);
      case 'trainer':
        return this.#trainer(event.message);
      case 'lost':
        board.set('restill_trainer_up', 0);
        return health.report('trainer', event.error);
      case 'state':
        health.enter(event.state);
        for (const state of daemonStates)
          board.set('restill_state', state === event.state ? 1 : 0, { state });
    }
  }

  #ingest({ status, counts, clocks }: IngestProgress): void {
    const { board, ringMax } = this.#observed;
    const held = status.high - status.low;
    board.set('restill_journal_groups', held);
    board.set('restill_journal_capacity_groups', ringMax);
    board.set('restill_journal_fill_ratio', held / ringMax);
    observeCounts(counts, board);
    this.#high = status.high;
    this.#offsets = status.offsets;
    this.#clocks = clocks;
    this.#backlog();
  }

  /** Of all partitions that this daemon reads; those it has lost are shown no more. */
  partitions(standings: readonly PartitionStanding[]): void {
    const { board } = this.#observed;
    for (const name of partitionMetrics) board.clear(name);
    for (const { topic, partition, next, high, bytes, paused } of standings) {
      const labels = { topic, partition: String(partition) };
      const durable = this.#offsets[`${topic}/${partition}`] ?? next;
      board.set('restill_source_lag_records', Math.max(0, high - durable), labels);
      board.set('restill_source_buffered_bytes', bytes, labels);
      board.set('restill_source_paused', paused ? 1 : 0, labels);
      const clock = this.#clocks.find((at) => at.topic === topic && at.partition === partition);
      board.set('restill_source_event_timestamp_seconds', seconds(clock?.newestMs), labels);
      board.set('restill_source_watermark_timestamp_seconds', seconds(clock?.watermarkMs), labels);
    }
  }

  #trainer(message: TrainerNews): void {
    const { board } = this.#observed;
    switch (message.kind) {
      case 'ready':
        board.set('restill_trainer_up', 1);
        return this.#learnt(message.cursor);
      case 'died':
        board.set('restill_trainer_up', 0);
        return board.add('restill_trainer_restarts_total', 1, { code: message.code });
      case 'turn':
        observeTurn(message.report, board);
        return this.#learnt(message.report.cursor);
      case 'generation':
        return observeGeneration(message.manifest, board);
      case 'damaged':
        return board.add('restill_generations_damaged_total', 1);
      case 'finished':
        return board.set('restill_trainer_up', 0);
      case 'progress':
        return;
    }
  }

  #learnt(cursor: number): void {
    this.#cursor = cursor;
    this.#observed.board.set('restill_trainer_cursor_groups', cursor);
    this.#backlog();
  }

  #backlog(): void {
    this.#observed.board.set('restill_trainer_backlog_groups', Math.max(0, this.#high - this.#cursor));
  }
}

/** What is counted here, before it happens: an increase from nothing would go unnoticed. */
function beginAtZero(board: Board): void {
  board.add('restill_series_dropped_total', 0);
  board.add('restill_generations_damaged_total', 0);
  for (const code of ['TRAINER_DIED', 'NON_FINITE'] as const)
    board.add('restill_trainer_restarts_total', 0, { code });
  for (const decision of labelBounds.decision) {
    board.add('restill_generations_total', 0, { decision });
    board.add('restill_gate_verdicts_total', 0, { decision });
  }
  for (const reason of ['malformed', 'too-large'] satisfies DeadLetter['reason'][])
    board.add('restill_dead_letters_total', 0, { reason });
  for (const turn of labelBounds.turn) {
    board.add('restill_trainer_turns_total', 0, { turn });
    board.add('restill_trainer_turn_seconds_total', 0, { turn });
  }
}

/** Where a partition that this daemon reads stands, as its source says. */
export interface PartitionStanding {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to be taken. */
  readonly next: number;
  /** The offset after the last record there is, as far as is known. */
  readonly high: number;
  /** Of records that were fetched and wait. */
  readonly bytes: number;
  readonly paused: boolean;
}

const partitionMetrics: readonly MetricName[] = [
  'restill_source_lag_records',
  'restill_source_event_timestamp_seconds',
  'restill_source_watermark_timestamp_seconds',
  'restill_source_buffered_bytes',
  'restill_source_paused',
];

export function observeDeadLetters(letters: readonly DeadLetter[], board: Board): void {
  for (const { reason } of letters) board.add('restill_dead_letters_total', 1, { reason });
}

/** NaN, which is not shown, where nothing is known. */
const seconds = (ms: number | null | undefined): number => (ms == null ? Number.NaN : ms / 1000);

/** One made on request is held without being judged. */
function observeGeneration({ gate: { decision }, scheduled }: Manifest, board: Board): void {
  board.add('restill_generations_total', 1, { decision });
  if (scheduled) board.add('restill_gate_verdicts_total', 1, { decision });
}

/** The generation that serves; null: none yet. */
export function observeLive(manifest: Manifest | null, board: Board): void {
  if (manifest === null) return;
  const { lineage } = manifest;
  board.set('restill_live_generation', generationNumber(manifest.id));
  board.set('restill_live_teacher_version', lineage.teacherVersion);
  board.set('restill_live_created_timestamp_seconds', Date.parse(manifest.createdAt) / 1000);
  // 0: it has learnt nothing yet.
  if (lineage.eventTimeMs.to > 0)
    board.set('restill_live_click_timestamp_seconds', lineage.eventTimeMs.to / 1000);
}

function observeTurn({ kind, seconds, steps, figures }: TurnReport, board: Board): void {
  board.add('restill_trainer_turns_total', 1, { turn: kind });
  board.add('restill_trainer_turn_seconds_total', seconds, { turn: kind });
  board.set('restill_trainer_steps_total', steps);
  for (const [name, value] of Object.entries(figures)) observeFigure(name.split('.'), value, board);
}

/** `distill.loss`, `score.labelAgeMax`, `clicks.student.ndcg10`: see TurnReport. */
function observeFigure(path: readonly string[], value: number, board: Board): void {
  const [about = '', what = '', measure = ''] = path;
  if (about === 'score' && what === 'labelAgeMax') return board.set('restill_label_age_versions', value);
  const objective = about as LabelsOf<'restill_trainer_loss'>['objective'];
  if (what === 'loss') return board.set('restill_trainer_loss', value, { objective });
  if (what === 'gradientNorm') return board.set('restill_trainer_gradient_norm', value, { objective });
  const name = qualityMetrics[measure];
  const labels = { on: about, ranker: what } as LabelsOf<'restill_quality_pnr'>;
  if (name !== undefined) board.set<QualityMetric>(name, value, labels);
}

type QualityMetric = Extract<MetricName, `restill_quality_${string}`>;

const qualityMetrics: Readonly<Record<string, QualityMetric>> = {
  ndcg10: 'restill_quality_ndcg10_ratio',
  ndcg5: 'restill_quality_ndcg5_ratio',
  pnr: 'restill_quality_pnr',
  mrr: 'restill_quality_mrr_ratio',
};

type DropReason = 'duplicate' | 'bot' | 'too_late' | 'orphan' | 'unshown';

function observeCounts(counts: IngestCounts, board: Board): void {
  const dropped: Readonly<Record<DropReason, number>> = {
    duplicate: counts.duplicates,
    bot: counts.bots,
    too_late: counts.tooLate,
    orphan: counts.orphans,
    unshown: counts.unshown,
  };
  for (const [reason, value] of Object.entries(dropped))
    board.set('restill_ingest_dropped_total', value, { reason });
  const closed: Readonly<Record<LabelsOf<'restill_ingest_impressions_closed_total'>['outcome'], number>> = {
    unclicked: counts.unclicked,
    withheld: counts.withheld,
    shed: counts.shed,
    kept: counts.groups - counts.corrected,
  };
  for (const outcome of labelBounds.outcome)
    board.set('restill_ingest_impressions_closed_total', closed[outcome], { outcome });
  board.set('restill_ingest_records_total', counts.records);
  board.set('restill_ingest_events_total', counts.impressions, { kind: 'impression' });
  board.set('restill_ingest_events_total', counts.clicks, { kind: 'click' });
  board.set('restill_ingest_events_total', counts.documents, { kind: 'document' });
  board.set('restill_ingest_ignored_total', counts.ignored);
  board.set('restill_ingest_undocumented_total', counts.undocumented);
  board.set('restill_ingest_late_total', counts.late);
  board.set('restill_ingest_corrections_total', counts.corrected);
  board.set('restill_ingest_crowded_out_total', counts.crowdedOut);
  board.set('restill_ingest_redactions_total', counts.redacted);
  board.set('restill_ingest_groups_total', counts.groups - counts.holdoutGroups, { use: 'training' });
  board.set('restill_ingest_groups_total', counts.holdoutGroups, { use: 'holdout' });
  board.set('restill_ingest_pairs_total', counts.pairs);
  board.set('restill_ingest_preferences_total', counts.preferences);
}
