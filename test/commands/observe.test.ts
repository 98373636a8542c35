// Every event of the daemon shows in the figures: counts as ingest keeps them, the journal's fill, the
// trainer's backlog whichever side moved last, turns and their figures, restarts by cause. Partitions that
// were lost are shown no more, and what is not known is not shown as 0.
import { describe, expect, it } from 'vitest';
import { Board } from '../../src/board.ts';
import { Observer, observeDeadLetters, observeLive } from '../../src/commands/observe.ts';
import type { DeadLetter, IngestCounts, Manifest, PartitionClock } from '../../src/contract.ts';
import type { DaemonEvent } from '../../src/daemon.rx.ts';
import { RestillError } from '../../src/errors.ts';
import { type MetricName, metricNames } from '../../src/metrics.ts';
import type { TrainerNews } from '../../src/protocol.ts';
import { Health } from '../../src/readiness.ts';
import { noCounts } from '../../src/streams/counts.ts';

const nowMs = 2_000_000_000_000;

function open() {
  const board = new Board();
  const health = new Health();
  const observer = new Observer({ board, health, ringMax: 200 });
  const all = (names: readonly MetricName[] = metricNames): [string, number][] =>
    names.flatMap((name) =>
      board.samples(name, nowMs).map(({ labels, value }): [string, number] => {
        const values = Object.values(labels).join(',');
        return [name.replace('restill_', '') + (values && `{${values}}`), value];
      }),
    );
  const begun = new Set(all().map(([name]) => name));
  /** `name{label values}` -> value, without counters that still stand at 0. */
  const shown = (...names: MetricName[]): Record<string, number> =>
    Object.fromEntries(
      all(names.length > 0 ? names : metricNames).filter(([name, value]) => value !== 0 || !begun.has(name)),
    );
  const hear = (message: TrainerNews): void => observer.follow({ kind: 'trainer', message });
  return { board, health, observer, hear, shown, all };
}

const ingest = (low: number, high: number, counts: Partial<IngestCounts> = {}): DaemonEvent => ({
  kind: 'ingest',
  progress: {
    status: { low, high, ended: false, contentHash: '', offsets: {} },
    counts: { ...noCounts(), ...counts },
    bytesRead: 0,
    bytesTotal: 0,
    clocks: [],
  },
});
const turn = (figures: Record<string, number>, cursor = 100): TrainerNews => ({
  kind: 'turn',
  report: { kind: 'DISTILL', cycle: 1, cursor, steps: 70, seconds: 2.5, figures },
});

describe('the observer', () => {
  it('begins to count at 0: an increase from nothing would go unnoticed', () => {
    const counted = new Set(
      open()
        .all()
        .map(([name]) => name.replace(/\{.*/, '')),
    );
    expect([...counted].sort()).toEqual([
      'dead_letters_total',
      'gate_verdicts_total',
      'generations_damaged_total',
      'generations_total',
      'series_dropped_total',
      'trainer_restarts_total',
      'trainer_turn_seconds_total',
      'trainer_turns_total',
    ]);
    expect(
      new Set(
        open()
          .all()
          .map(([, value]) => value),
      ),
    ).toEqual(new Set([0]));
  });

  it('shows the counts of ingest, each once', () => {
    const { observer, shown } = open();
    const keys = Object.keys(noCounts()) as (keyof IngestCounts)[];
    observer.follow(ingest(0, 0, Object.fromEntries(keys.map((key, i) => [key, 2 ** i]))));
    const of = (key: keyof IngestCounts): number => 2 ** keys.indexOf(key);
    expect(shown()).toMatchObject({
      ingest_records_total: of('records'),
      'ingest_events_total{impression}': of('impressions'),
      'ingest_events_total{click}': of('clicks'),
      ingest_late_total: of('late'),
      ingest_corrections_total: of('corrected'),
      'ingest_dropped_total{duplicate}': of('duplicates'),
      'ingest_dropped_total{bot}': of('bots'),
      'ingest_dropped_total{too_late}': of('tooLate'),
      'ingest_dropped_total{orphan}': of('orphans'),
      'ingest_dropped_total{unshown}': of('unshown'),
      'ingest_impressions_closed_total{unclicked}': of('unclicked'),
      'ingest_impressions_closed_total{withheld}': of('withheld'),
      'ingest_impressions_closed_total{kept}': of('groups') - of('corrected'),
      ingest_crowded_out_total: of('crowdedOut'),
      ingest_redactions_total: of('redacted'),
      'ingest_groups_total{training}': of('groups') - of('holdoutGroups'),
      'ingest_groups_total{holdout}': of('holdoutGroups'),
      ingest_pairs_total: of('pairs'),
      ingest_preferences_total: of('preferences'),
    });
  });

  it('shows how full the journal is', () => {
    const { observer, shown } = open();
    observer.follow(ingest(100, 250));
    expect(
      shown('restill_journal_groups', 'restill_journal_capacity_groups', 'restill_journal_fill_ratio'),
    ).toEqual({
      journal_groups: 150,
      journal_capacity_groups: 200,
      journal_fill_ratio: 0.75,
    });
  });

  it('shows the backlog, whichever side moved last', () => {
    const { observer, hear, shown } = open();
    const backlog = (): number | undefined => shown('restill_trainer_backlog_groups').trainer_backlog_groups;
    observer.follow(ingest(0, 250));
    expect(backlog()).toBe(250);
    hear({ kind: 'ready', cursor: 50, retireTo: 0, generation: null, pid: 1 });
    expect(backlog()).toBe(200);
    hear(turn({}, 100));
    expect(backlog()).toBe(150);
    observer.follow(ingest(0, 300));
    expect(backlog()).toBe(200);
  });

  it('shows turns and their figures', () => {
    const { hear, shown } = open();
    hear(
      turn({ 'distill.loss': 0.5, 'distill.gradientNorm': 1.5, 'score.labelAgeMax': 2, 'score.labels': 9 }),
    );
    hear(
      turn({ 'clicks.student.ndcg10': 0.7, 'clicks.student.pnr': 2, 'clicks.queries': 40, 'x.y.ndcg5': 1 }),
    );
    expect(shown()).toEqual({
      'trainer_turns_total{DISTILL}': 2,
      'trainer_turn_seconds_total{DISTILL}': 5,
      trainer_steps_total: 70,
      trainer_cursor_groups: 100,
      trainer_backlog_groups: 0,
      'trainer_loss{distill}': 0.5,
      'trainer_gradient_norm{distill}': 1.5,
      label_age_versions: 2,
      'quality_ndcg10_ratio{clicks,student}': 0.7,
      'quality_pnr{clicks,student}': 2,
      series_dropped_total: 1,
    });
  });

  it('shows deaths of the trainer by cause, and whether there is one', () => {
    const { hear, observer, health, shown } = open();
    const up = (): number | undefined => shown('restill_trainer_up').trainer_up;
    const death = { kind: 'died', message: '', deaths: 1, restartInMs: 10 } as const;
    const died = (code: 'TRAINER_DIED' | 'NON_FINITE'): TrainerNews => ({ ...death, code });
    const ready: TrainerNews = { kind: 'ready', cursor: 0, retireTo: 0, generation: null, pid: 1 };
    hear(ready);
    expect(up()).toBe(1);
    hear(died('TRAINER_DIED'));
    expect(up()).toBe(0);
    hear(ready);
    hear(died('TRAINER_DIED'));
    hear(died('NON_FINITE'));
    expect(shown('restill_trainer_restarts_total')).toEqual({
      'trainer_restarts_total{TRAINER_DIED}': 2,
      'trainer_restarts_total{NON_FINITE}': 1,
    });
    hear(ready);
    observer.follow({ kind: 'lost', error: new RestillError('TRAINER_GIVEN_UP', 'too often') });
    expect(up()).toBe(0);
    expect(health.readiness().obstacles[0]).toEqual({ code: 'TRAINER_GIVEN_UP', message: 'too often' });
  });

  it('shows one state at a time, and tells the readiness of it', () => {
    const { observer, health, shown } = open();
    observer.follow({ kind: 'state', state: 'TRAINING' });
    observer.follow({ kind: 'state', state: 'RECOVERING' });
    const states = Object.entries(shown('restill_state')).filter(([, value]) => value === 1);
    expect(states).toEqual([['state{RECOVERING}', 1]]);
    expect(health.readiness().ready).toBe(true);
  });

  it('counts generations by what the gate decided', () => {
    const { hear, shown } = open();
    for (const decision of ['PROMOTE', 'HOLD', 'PROMOTE'] as const)
      hear({ kind: 'generation', manifest: { gate: { decision } } as Manifest });
    hear({ kind: 'damaged', generation: 'g000001' as never, message: '' });
    expect(shown('restill_generations_total', 'restill_generations_damaged_total')).toEqual({
      'generations_total{PROMOTE}': 2,
      'generations_total{HOLD}': 1,
      generations_damaged_total: 1,
    });
  });

  it('counts verdicts: what was made on request was not judged', () => {
    const { hear, shown } = open();
    for (const scheduled of [true, false, true])
      hear({ kind: 'generation', manifest: { scheduled, gate: { decision: 'HOLD' } } as Manifest });
    expect(shown('restill_gate_verdicts_total')).toEqual({ 'gate_verdicts_total{HOLD}': 2 });
  });
});

describe('partitions', () => {
  const standing = { topic: 'clicks', partition: 0, next: 42, high: 45, bytes: 900, paused: false };
  const clock = { topic: 'clicks', partition: 0, newestMs: nowMs - 9_000, watermarkMs: nowMs - 20_000 };
  const read = (offsets: Record<string, number>, clocks: PartitionClock[]): DaemonEvent => {
    const event = ingest(0, 0) as Extract<DaemonEvent, { kind: 'ingest' }>;
    const status = { ...event.progress.status, offsets };
    return { kind: 'ingest', progress: { ...event.progress, status, clocks } };
  };
  const ofSource = (shown: Record<string, number>) =>
    Object.fromEntries(Object.entries(shown).filter(([name]) => name.startsWith('source_')));

  it('show what is not durable yet as lag, in records and in seconds of event time', () => {
    const { observer, shown } = open();
    observer.follow(read({ 'clicks/0': 40, 'clicks/1': 7 }, [{ ...clock, partition: 1 }, clock]));
    observer.partitions([standing]);
    expect(ofSource(shown())).toEqual({
      'source_lag_records{clicks,0}': 5,
      'source_lag_seconds{clicks,0}': 9,
      'source_event_timestamp_seconds{clicks,0}': (nowMs - 9_000) / 1000,
      'source_watermark_timestamp_seconds{clicks,0}': (nowMs - 20_000) / 1000,
      'source_buffered_bytes{clicks,0}': 900,
      'source_paused{clicks,0}': 0,
    });
  });

  it('show no time before their first event, and nothing when they are lost', () => {
    const { observer, shown } = open();
    observer.follow(read({}, [{ ...clock, newestMs: null, watermarkMs: null }]));
    observer.partitions([{ ...standing, paused: true }]);
    expect(ofSource(shown())).toEqual({
      'source_lag_records{clicks,0}': 3,
      'source_buffered_bytes{clicks,0}': 900,
      'source_paused{clicks,0}': 1,
    });
    observer.partitions([]);
    expect(ofSource(shown())).toEqual({});
  });
});

describe('what serves', () => {
  const manifest = {
    id: 'g000012',
    createdAt: '2026-01-01T00:00:00.000Z',
    lineage: { teacherVersion: 3, eventTimeMs: { from: 1, to: nowMs - 42_000 } },
  } as unknown as Manifest;

  it('is as fresh as its newest click', () => {
    const { board, shown } = open();
    observeLive(null, board);
    expect(shown()).toEqual({});
    observeLive(manifest, board);
    expect(shown()).toMatchObject({ freshness_seconds: 42, live_generation: 12, live_teacher_version: 3 });
  });

  it('has no freshness before it has learnt anything', () => {
    const { board, shown } = open();
    observeLive({ ...manifest, lineage: { ...manifest.lineage, eventTimeMs: { from: 0, to: 0 } } }, board);
    expect(shown('restill_freshness_seconds')).toEqual({});
  });
});

it('counts dead letters by reason', () => {
  const { board, shown } = open();
  const letter = (reason: DeadLetter['reason']) => ({ reason }) as DeadLetter;
  observeDeadLetters([letter('malformed'), letter('too-large'), letter('malformed')], board);
  expect(shown()).toEqual({ 'dead_letters_total{malformed}': 2, 'dead_letters_total{too-large}': 1 });
});
