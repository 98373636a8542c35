// Threads beside the one that ingests.
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { threadEntry } from '../sibling.ts';

/**
 * The launcher asks for a young generation that is right for ingest. To another thread it would be 256 MiB
 * more for nothing, and V8 does not let the limits of one thread overrule that. What runs already keeps its
 * own.
 *
 * @param from `import.meta.url` of the module that asks.
 * @param path of the thread's first module, relative to that, without its ending.
 * @param options its name, and what it finds as `workerData`.
 */
export function startThread(
  from: string,
  path: string,
  options: { readonly name: string; readonly workerData?: unknown },
): Worker {
  for (const limit of ['min', 'max']) setFlagsFromString(`--${limit}-semi-space-size=8`);
  return new Worker(threadEntry(from, path), { execArgv: [], ...options });
}
