// What is mended in kafkajs 2.2.4 from outside, by wrapping or replacing methods of its classes.
import { createRequire } from 'node:module';
import type { Clock } from '../clock.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, Request>;
  readonly enforceRequestTimeout: boolean;
  readonly requestTimeout: number;
  requestTimeoutIntervalId: NodeJS.Timeout | null;
  isConnected(): boolean;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  /** Clears its timers. */
  destroy(): void;
}

interface Request {
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly requestTimeout: number;
  timeoutRequest(): void;
}

interface ConsumerGroup {
  readonly subscriptionState: { active(): readonly { readonly partitions: readonly number[] }[] };
  fetch(nodeId: string): Promise<unknown[]>;
  resume(places: unknown): void;
}

interface Connection {
  /** What has come of an answer that is not whole yet. */
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<boolean>;
}

const mendedVersion = '2.2.4';

let mended: boolean | null = null;

/**
 * Before the first connection; the second call does nothing.
 * @returns false with a version of kafkajs that nobody has looked at, which is left as it is
 */
export function mendKafkajs(clock: Clock): boolean {
  mended ??= mend(clock);
  return mended;
}

function mend(clock: Clock): boolean {
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== mendedVersion) return false;
  const queue = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  const group = require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup };
  const connection = require('kafkajs/src/network/connection.js') as { prototype: Connection };
  stopSpinning(queue.prototype);
  lookLessOften(queue.prototype, clock);
  wakeAtResume(group.prototype);
  beginAnew(connection.prototype);
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

const lookEveryMs = 500;

/**
 * Ten times a second it looks, for each connection, whether a request has taken too long: a third of what an
 * idle consumer costs. Timeouts are of many seconds, so twice a second is often enough.
 */
function lookLessOften(prototype: RequestQueue, clock: Clock): void {
  prototype.scheduleRequestTimeoutCheck = function scheduleSome(this: RequestQueue): void {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    const look = (): void => {
      for (const request of this.inflight.values())
        if (clock.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
      if (!this.isConnected()) this.destroy();
    };
    this.requestTimeoutIntervalId = setInterval(look, Math.min(this.requestTimeout, lookEveryMs));
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

/** Of the length that each answer begins with. */
const lengthBytes = 4;

/**
 * A connection that is cut in the midst of an answer, and made again, takes what comes then for the rest of
 * that answer, and after it bytes at random for lengths: it hangs, or the process dies of an answer of two
 * bytes. Here what was left of the old one is forgotten.
 */
function beginAnew(prototype: Connection): void {
  const { connect } = prototype;
  prototype.connect = function connectAnew(this: Connection): Promise<boolean> {
    if (!this.isConnected()) {
      this.chunks = [];
      this.bytesBuffered = 0;
      this.bytesNeeded = lengthBytes;
    }
    return connect.call(this);
  };
}
