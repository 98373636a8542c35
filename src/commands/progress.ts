// The progress of a replay, as one line. Pure; who prints it decides whether it is a terminal.
import type { IngestCounts } from '../contract.ts';
import type { TurnKind } from '../protocol.ts';

export interface ReplayProgress {
  readonly counts: IngestCounts;
  /** Of the input files, in [0, 1]. */
  readonly ingested: number;
  readonly ingestEnded: boolean;
  readonly cursor: number;
  readonly turn: TurnKind | 'LOAD';
  readonly step: { readonly done: number; readonly of: number } | null;
  readonly generation: string | null;
  /** The newest figure worth watching, for example `ndcg10`. */
  readonly figure: { readonly name: string; readonly value: number } | null;
  readonly elapsedMs: number;
}

/** Share of the whole run that is done, in [0, 1]: training is the long part, so it is what counts. */
export function shareDone(p: ReplayProgress): number {
  if (p.counts.groups === 0 || p.ingested === 0) return 0;
  const expected = p.ingestEnded ? p.counts.groups : p.counts.groups / p.ingested;
  return Math.min(1, p.cursor / expected);
}

/** `1:05`, `2:03:04`. */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function progressLine(p: ReplayProgress, startShare: number): string {
  const done = shareDone(p);
  const seconds = p.elapsedMs / 1000;
  const gained = done - startShare;
  const left = gained > 0.01 ? clockTime((seconds / gained) * (1 - done)) : '?';
  const parts = [
    `${String(Math.floor(done * 100)).padStart(3)} %`,
    `${p.counts.records.toLocaleString('en')} records`,
    `${p.cursor.toLocaleString('en')}/${p.counts.groups.toLocaleString('en')} groups`,
    p.step ? `${p.turn} ${p.step.done}/${p.step.of}` : p.turn,
    ...(p.figure ? [`${p.figure.name} ${p.figure.value.toFixed(3)}`] : []),
    ...(p.generation ? [p.generation] : []),
    `${clockTime(seconds)} gone, ${left} left`,
  ];
  return parts.join('  ');
}
