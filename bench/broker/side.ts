// One side of bench:consume: a process of its own, held open, that consumes the topic when told to. Both
// sides get the flags of the launcher (bin/restill).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RestillError } from '../../src/errors.ts';
import { launcherFlags } from './service.ts';

export type SideName = 'journal' | 'kafkajs';

/** What a side reads. */
export interface Supply {
  readonly bootstrap: string;
  readonly topic: string;
  readonly records: number;
}

export type Order =
  /** Reads the topic from its beginning to its end. */
  | { readonly kind: 'round' }
  /** The same, slowed down by a garbage collection at every tenth part, after which the heap is measured. */
  | { readonly kind: 'heap' }
  /** Reads to the end, then waits there for so long. */
  | { readonly kind: 'idle'; readonly seconds: number };

export interface Answer {
  readonly seconds: number;
  /** Of the process, all its threads. */
  readonly cpuSeconds: number;
  readonly heapMiB: readonly number[];
  readonly residentMiB: number;
}

export interface Side {
  readonly name: SideName;
  obey(order: Order): Promise<Answer>;
  close(): void;
}

/** @throws RestillError BACKEND_FAILED when the process ends before it has answered. */
export function openSide(name: SideName, supply: Supply, flags: readonly string[] = []): Side {
  const child = fork(
    fileURLToPath(new URL('consume-side.ts', import.meta.url)),
    [name, JSON.stringify(supply)],
    { execArgv: [...launcherFlags(), '--expose-gc', ...flags, '--import', import.meta.resolve('tsx')] },
  );
  const ended = once(child, 'exit').then(([code]) => {
    throw new RestillError(
      'BACKEND_FAILED',
      `the side ${name} ended with code ${code}; see what it said above`,
    );
  });
  ended.catch(() => {}); // It ends unasked, which the next order tells; or because it was closed.
  return {
    name,
    async obey(order) {
      child.send(order);
      const [answer] = await Promise.race([once(child, 'message'), ended]);
      return answer as Answer;
    },
    close: () => child.disconnect(),
  };
}
