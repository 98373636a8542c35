// Prints what a pull fetches: one line that is drawn again on a terminal, a plain line per file otherwise.
import type { Clock } from '../clock.ts';
import type { OnProgress } from '../hub/ports.ts';
import type { TextSink } from './progress-printer.ts';
import { shortSize } from './table.ts';

/** Between two drawings of the line, milliseconds. */
const redrawMs = 100;

export function transferPrinter(sink: TextSink, clock: Clock): OnProgress {
  let current = { file: '', from: 0, startedMs: 0, drawnMs: 0 };
  return ({ file, done, of }) => {
    const nowMs = clock.elapsed();
    // What an earlier pull had fetched took no time now.
    if (file !== current.file) current = { file, from: done, startedMs: nowMs, drawnMs: -redrawMs };
    const seconds = (nowMs - current.startedMs) / 1000;
    const rate = seconds > 0 ? `, ${shortSize(Math.round((done - current.from) / seconds))}/s` : '';
    const start = sink.isTTY ? '\r\u001b[2K' : '';
    if (done === of) {
      sink.write(`${start}${file}: ${shortSize(of)}${rate}\n`);
      return;
    }
    if (!sink.isTTY || nowMs - current.drawnMs < redrawMs) return;
    current.drawnMs = nowMs;
    const line = `${file}: ${shortSize(done)} of ${shortSize(of)}${rate}`;
    sink.write(`${start}${line.slice(0, (sink.columns || 100) - 1)}`);
  };
}
