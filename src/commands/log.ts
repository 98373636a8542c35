// The log of a data directory: JSON lines by pino, one catalogue of events (telemetry.ts).
import { pino } from 'pino';
import type { Log, LogEvent, LogFields } from '../telemetry.ts';

/** Appends to `file`. Synchronous, so that the last line before a crash is there. */
export function openLog(file: string): Log {
  const logger = pino(
    {
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: file, sync: true, mkdir: true }),
  );
  return {
    info: (event: LogEvent, fields: LogFields = {}) => logger.info({ event, ...fields }),
    error: (event: LogEvent, fields: LogFields = {}) => logger.error({ event, ...fields }),
  };
}
