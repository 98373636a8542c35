// Interleaved rounds: A B C, A B C, ... so that what else the machine does meets all sides alike.
import { assert } from '../../src/errors.ts';
import type { Answer } from './protocol.ts';
import { openSide, type Side, type SideSpec } from './side.ts';

export interface Figures {
  readonly name: string;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds of a sweep through all batches: medians over the rounds. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** Of the first sweep: losses of its steps, or scores of its last batch. */
  readonly values: readonly number[];
}

interface RoundOptions {
  readonly rounds: number;
  /** A round is as many sweeps as the first side does in this time: the same number for all sides. */
  readonly secondsMin: number;
  readonly tell: (line: string) => void;
}

/** Starts all sides on the same work, runs them in turn, ends them. */
export async function measure(
  specs: readonly SideSpec[],
  work: string,
  { rounds, secondsMin, tell }: RoundOptions,
): Promise<Figures[]> {
  const sides: Side[] = [];
  try {
    for (const spec of specs) sides.push(await openSide(spec, work));
    const first: Answer[] = [];
    for (const side of sides) first.push(await side.round(1)); // Traces, allocates, fills caches.
    const again = await sides[0]!.round(1);
    const sweeps = Math.max(1, Math.ceil(secondsMin / again.seconds));
    const answers: Answer[][] = sides.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, side] of sides.entries()) answers[i]!.push(await side.round(sweeps));
      const times = sides.map(({ name }, i) => `${name} ${answers[i]!.at(-1)!.seconds.toFixed(2)} s`);
      tell(`  round ${round + 1}, ${sweeps} sweep(s): ${times.join(', ')}`);
    }
    return sides.map((side, i) => ({
      name: side.name,
      ...side.hello,
      seconds: median(answers[i]!.map((answer) => answer.seconds)) / sweeps,
      cpuSeconds: median(answers[i]!.map((answer) => answer.cpuSeconds)) / sweeps,
      peakMiB: answers[i]!.at(-1)!.peakMiB,
      values: first[i]!.values,
    }));
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

function median(values: readonly number[]): number {
  assert(values.length > 0, 'the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The largest difference between what two sides computed, next to the largest number of the first. */
export function difference(a: Figures, b: Figures): number {
  assert(a.values.length === b.values.length, `${a.name} and ${b.name} computed different things`);
  const largest = Math.max(...a.values.map(Math.abs));
  return Math.max(...a.values.map((value, i) => Math.abs(value - b.values[i]!))) / largest;
}
