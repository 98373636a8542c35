// kafkajs 2.2.4 sets a timer of 1 ms again and again for each connection that has nothing to do (kafkajs
// issue 1751): 3 % of a core for an idle consumer.
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const patchedVersion = '2.2.4';

let patched: boolean | null = null;

/**
 * There is nothing to check while no request waits: the next one that must wait sets the timer itself.
 * Before the first connection; the second call does nothing.
 * @returns false with a version of kafkajs that nobody has looked at, which is left as it is
 */
export function stopSpinning(): boolean {
  patched ??= patch();
  return patched;
}

function patch(): boolean {
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== patchedVersion) return false;
  const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduled(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
  return true;
}
