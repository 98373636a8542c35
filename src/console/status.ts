// How things stand, read off the board: what the console shows beside the generations. Pure.
import type { Board, Sample } from '../board.ts';
import { labelBounds, type MetricName } from '../metrics.ts';
import type { ConsoleParts } from './ports.ts';
import type { Status } from './view.ts';

export function statusOf(parts: ConsoleParts): Status {
  const { server, version, board, operator, scorer } = parts;
  const learns = server === 'run';
  const { ready, state, obstacles } = parts.readiness();
  return {
    server,
    version,
    readiness: { ready, state, obstacles: obstacles.map(({ code, message }) => ({ code, message })) },
    stream: learns ? streamOf(board) : null,
    trainer: learns ? trainerOf(board) : null,
    serving: parts.serving?.() ?? null,
    operator: 'closed' in operator ? { able: false, reason: operator.closed } : { able: true, reason: null },
    tryIt:
      scorer === null
        ? { able: false, reason: 'nothing is scored by this process, restill serve has this box' }
        : { able: true, reason: null },
  };
}

function streamOf(board: Board): NonNullable<Status['stream']> {
  const groups = newest(board, 'restill_journal_groups');
  const capacity = newest(board, 'restill_journal_capacity_groups');
  return {
    partitions: samplesOf(board, 'restill_source_lag_records').map(({ labels, value }) => {
      const at = (name: MetricName): number | null => newest(board, name, labels);
      return {
        topic: labels.topic!,
        partition: labels.partition!,
        lagRecords: value,
        eventAt: milliseconds(at('restill_source_event_timestamp_seconds')),
        watermarkAt: milliseconds(at('restill_source_watermark_timestamp_seconds')),
        bufferedBytes: at('restill_source_buffered_bytes'),
        paused: at('restill_source_paused') === 1,
      };
    }),
    records: newest(board, 'restill_ingest_records_total'),
    deadLetters: sumOf(board, 'restill_dead_letters_total'),
    journal: groups === null || capacity === null ? null : { groups, capacity },
  };
}

function trainerOf(board: Board): NonNullable<Status['trainer']> {
  const up = newest(board, 'restill_trainer_up');
  const count = (turn: string): number => newest(board, 'restill_trainer_turns_total', { turn }) ?? 0;
  const seconds = (turn: string): number =>
    newest(board, 'restill_trainer_turn_seconds_total', { turn }) ?? 0;
  return {
    up: up === null ? null : up === 1,
    cursor: newest(board, 'restill_trainer_cursor_groups'),
    backlogGroups: newest(board, 'restill_trainer_backlog_groups'),
    steps: newest(board, 'restill_trainer_steps_total'),
    restarts: sumOf(board, 'restill_trainer_restarts_total'),
    labelAgeVersions: newest(board, 'restill_label_age_versions'),
    losses: Object.fromEntries(
      samplesOf(board, 'restill_trainer_loss').map(({ labels, value }) => [labels.objective, value]),
    ),
    turns: labelBounds.turn.map((turn) => ({ turn, count: count(turn), seconds: seconds(turn) })),
  };
}

/** No metric that is an age is read here, so what time it is does not matter. */
const samplesOf = (board: Board, name: MetricName): Sample[] => board.samples(name, 0);

/** Of the series with these labels; null: nobody has measured it. */
const newest = (board: Board, name: MetricName, labels: Sample['labels'] = {}): number | null =>
  samplesOf(board, name).find((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value ?? null;

const sumOf = (board: Board, name: MetricName): number =>
  samplesOf(board, name).reduce((sum, { value }) => sum + value, 0);

const milliseconds = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
