// Threads beside the one that ingests.
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { threadEntry } from '../sibling.ts';

export interface ThreadOptions {
  readonly name: string;
  readonly workerData?: unknown;
  readonly youngMiB?: number;
}

/** Young generation of a thread that is not told otherwise. */
const youngMiB = 8;

/**
 * The launcher asks for a young generation that is right for ingest. To most other threads it would be
 * 256 MiB more for nothing, and V8 does not let the limits of one thread overrule that. What runs already
 * keeps its own.
 *
 * @param from `import.meta.url` of the module that asks.
 * @param path of the thread's first module, relative to that, without its ending.
 * @param options its name, what it finds as `workerData`, and how large its young generation may get, of
 *   which V8 holds up to three times as much.
 */
export function startThread(
  from: string,
  path: string,
  { youngMiB: young = youngMiB, ...options }: ThreadOptions,
): Worker {
  for (const limit of ['min', 'max']) setFlagsFromString(`--${limit}-semi-space-size=${young}`);
  return new Worker(threadEntry(from, path), { execArgv: [], ...options });
}
