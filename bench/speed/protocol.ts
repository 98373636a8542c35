// What the sides of a speed benchmark say to the conductor, and the loop of those written in TypeScript.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Work } from './work.ts';

/** The first line: ready, the model loaded, nothing run yet. */
export interface Hello {
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** What a round took and gave. */
export interface Answer {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The highest resident memory of the process so far (VmHWM). */
  readonly peakMiB: number;
  /** Training: the loss of each step. Scoring: the scores of the last batch. */
  readonly values: readonly number[];
}

export const readWork = (): Work => JSON.parse(readFileSync(process.argv.at(-1)!, 'utf8')) as Work;

/**
 * Answers on standard output until standard input closes.
 *
 * @param run does the i-th batch and returns its values: a loss, or scores.
 */
export async function serve(work: Work, hello: Hello, run: (i: number) => readonly number[]): Promise<void> {
  console.log(JSON.stringify(hello));
  for await (const line of createInterface({ input: process.stdin })) {
    const { sweeps } = JSON.parse(line) as { sweeps: number };
    console.log(JSON.stringify(round(work, sweeps, run)));
  }
}

function round(work: Work, sweeps: number, run: (i: number) => readonly number[]): Answer {
  const losses: number[] = [];
  let values: readonly number[] = [];
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let i = 0; i < work.batches.length; i++) {
      values = run(i);
      if (work.task === 'train') losses.push(...values);
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - start) / 1e3,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: peakMiB(),
    values: work.task === 'train' ? losses : [...values],
  };
}

function peakMiB(): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}
