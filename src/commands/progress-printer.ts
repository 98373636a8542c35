// Prints the progress of a run: one line that is drawn again on a terminal, a plain line per cycle otherwise.
import type { Clock } from '../clock.ts';
import type { IngestCounts, Manifest } from '../contract.ts';
import type { FromTrainer, TurnReport } from '../protocol.ts';
import { progressLine, type ReplayProgress, shareDone } from './progress.ts';

export interface ProgressPrinter {
  ingest(counts: IngestCounts, share: number, ended: boolean): void;
  start(cursor: number, generation: string | null): void;
  step(message: Extract<FromTrainer, { kind: 'progress' }>): void;
  turn(report: TurnReport): void;
  generation(manifest: Manifest): void;
  note(text: string): void;
  end(): void;
}

export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Between two drawings of the line, milliseconds. */
const redrawMs = 100;

export function progressPrinter(sink: TextSink, clock: Clock): ProgressPrinter {
  const startedMs = clock.elapsed();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let startShare: number | null = null;
  let startCursor = 0;
  let state: Omit<ReplayProgress, 'elapsedMs' | 'counts'> & { counts: IngestCounts | null } = {
    counts: null,
    ingested: 0,
    ingestEnded: false,
    cursor: 0,
    turn: 'LOAD',
    step: null,
    generation: null,
    figure: null,
  };

  const line = (): string => {
    const { counts } = state;
    if (counts === null) return 'opening the journal, starting the trainer';
    const progress = { ...state, counts, elapsedMs: clock.elapsed() - startedMs };
    if (startShare === null && state.ingestEnded)
      startShare = shareDone({ ...progress, cursor: startCursor });
    return progressLine(progress, startShare ?? 0);
  };
  const draw = (force = false): void => {
    if (!sink.isTTY || (!force && clock.elapsed() - drawnMs < redrawMs)) return;
    drawnMs = clock.elapsed();
    sink.write(`\r\u001b[2K${line().slice(0, (sink.columns || 100) - 1)}`);
  };
  const say = (text: string): void => {
    sink.write(sink.isTTY ? `\r\u001b[2K${text}\n` : `${text}\n`);
    draw(true);
  };

  return {
    ingest(counts, share, ended) {
      state = { ...state, counts, ingested: share, ingestEnded: ended };
      draw();
    },
    start(cursor, generation) {
      startCursor = cursor;
      state = { ...state, cursor, generation };
      if (generation) say(`going on from ${generation}, ${cursor.toLocaleString('en')} groups learnt`);
    },
    step({ turn, cursor, done, of }) {
      state = { ...state, turn, cursor, step: { done, of } };
      draw();
    },
    turn(report) {
      state = { ...state, turn: report.kind, cursor: report.cursor, step: null };
      if (report.kind !== 'EVALUATE') return draw();
      const figure = watched(report.figures);
      state = { ...state, figure };
      if (sink.isTTY) draw(true);
      else say(line());
    },
    generation(manifest) {
      state = { ...state, generation: manifest.id };
      say(`${manifest.id}: ${manifest.gate.decision} ${manifest.gate.reason}, ${figureText(state.figure)}`);
    },
    note: say,
    end() {
      if (sink.isTTY) sink.write('\r\u001b[2K');
    },
  };
}

/** nDCG@10 of the student, on judgments where there are any. */
function watched(figures: Readonly<Record<string, number>>): ReplayProgress['figure'] {
  for (const on of ['judgments', 'clicks', 'prequential']) {
    const value = figures[`${on}.student.ndcg10`];
    if (value !== undefined) return { name: `nDCG@10 on ${on}`, value };
  }
  return null;
}

const figureText = (figure: ReplayProgress['figure']): string =>
  figure ? `${figure.name} ${figure.value.toFixed(3)}` : 'not measured yet';
