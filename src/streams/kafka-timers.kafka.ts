// Timers of kafkajs 2.2.4 that cost more than they should.
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

interface ConsumerGroup {
  readonly subscriptionState: { active(): readonly { readonly partitions: readonly number[] }[] };
  fetch(nodeId: string): Promise<unknown[]>;
  resume(places: unknown): void;
}

const patchedVersion = '2.2.4';

let patched: boolean | null = null;

/**
 * Before the first connection; the second call does nothing.
 * @returns false with a version of kafkajs that nobody has looked at, which is left as it is
 */
export function mendTimers(): boolean {
  patched ??= patch();
  return patched;
}

function patch(): boolean {
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== patchedVersion) return false;
  const queue = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  const group = require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup };
  stopSpinning(queue.prototype);
  wakeAtResume(group.prototype);
  return true;
}

/**
 * It sets a timer of 1 ms again and again for each connection that has nothing to do (kafkajs issue 1751):
 * 3 % of a core for an idle consumer. There is nothing to check while no request waits: the next one that
 * must wait sets the timer itself.
 */
function stopSpinning(prototype: RequestQueue): void {
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduled(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/**
 * A fetch that finds all partitions paused sleeps as long as the broker might have waited, also when some are
 * resumed a moment later: as at each join, and wherever ingest is the slower side. Here it ends at once, with
 * nothing, and is followed by another one.
 */
export function wakeAtResume(prototype: ConsumerGroup): void {
  const { fetch, resume } = prototype;
  /** By node: what ends the fetch that sleeps. */
  const sleeping = new WeakMap<ConsumerGroup, Map<string, () => void>>();
  prototype.fetch = function fetchOrWake(this: ConsumerGroup, nodeId): Promise<unknown[]> {
    const fetched = fetch.call(this, nodeId);
    if (this.subscriptionState.active().some(({ partitions }) => partitions.length > 0)) return fetched;
    return new Promise((resolve, reject) => {
      const wakers = sleeping.get(this) ?? new Map<string, () => void>();
      sleeping.set(
        this,
        wakers.set(nodeId, () => resolve([])),
      );
      fetched.then(resolve, reject);
    });
  };
  prototype.resume = function resumeAndWake(this: ConsumerGroup, places): void {
    resume.call(this, places);
    for (const wake of sleeping.get(this)?.values() ?? []) wake();
    sleeping.delete(this);
  };
}
