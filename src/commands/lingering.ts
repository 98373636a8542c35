// What a library has left open when a command is done must not keep its process: kafkajs leaves connections
// to brokers that were away at the wrong moment.
import type { Log } from '../telemetry.ts';

const lingerMs = 2_000;

/** Ends a process that is done and does not end by itself. All that it made is durable by then. */
export function leaveSoon(log: Log): void {
  const timer = setTimeout(() => {
    log.info('run.lingering', { resources: process.getActiveResourcesInfo() });
    process.exit();
  }, lingerMs);
  timer.unref(); // Nor does this one keep it.
}
