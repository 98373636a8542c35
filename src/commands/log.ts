// The log of a data directory: JSON lines by pino, one catalogue of events (telemetry.ts).
import { pino } from 'pino';
import type { Log, LogEvent, LogFields } from '../telemetry.ts';

/**
 * Appends to `file`. Synchronous, so that the last line before a crash is there. Throws where it cannot be
 * opened.
 */
export function openLog(file: string): Log {
  const destination = pino.destination({ dest: file, sync: true, mkdir: true });
  // A line that a full disk does not take is lost; the journal and the store, which must not lose any, say
  // so.
  destination.on('error', () => {});
  const logger = pino(
    {
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    info: (event: LogEvent, fields: LogFields = {}) => logger.info({ event, ...fields }),
    error: (event: LogEvent, fields: LogFields = {}) => logger.error({ event, ...fields }),
  };
}
