// The log: JSON lines by pino, one catalogue of events (telemetry.ts).
import { type Logger, pino } from 'pino';
import { type Log, type LogEvent, type LogFields, privateFields } from '../telemetry.ts';

const mask = '[redacted]';

/** Fields of our events are at most this deep. */
const depthMax = 4;

/** `query`, `*.query`, `*.*.query`, ... as pino names paths. */
const redactedPaths = Array.from({ length: depthMax }, (_, depth) =>
  privateFields.map((field) => `${'*.'.repeat(depth)}${field}`),
).flat();

/**
 * Appends to a file, or writes to standard output (`1`). Synchronous, so that the last line before a crash is
 * there. Throws where it cannot be opened.
 *
 * @param secrets Values that must not appear whatever they stand in: a password in a library's message, say.
 */
export function openLog(target: string | 1, secrets: readonly string[] = []): Log {
  const destination = pino.destination({ dest: target, sync: true, mkdir: true });
  // A line that a full disk does not take is lost; the journal and the store, which must not lose any, say
  // so.
  destination.on('error', () => {});
  const hidden = secrets.filter((secret) => secret !== '').map(asInJson);
  const logger = pino(
    {
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: mask },
      hooks: {
        streamWrite: (line) => hidden.reduce((text, secret) => text.replaceAll(secret, mask), line),
      },
    },
    destination,
  );
  return logOf(logger);
}

const logOf = (logger: Logger): Log => ({
  info: (event: LogEvent, fields: LogFields = {}) => logger.info({ event, ...fields }),
  error: (event: LogEvent, fields: LogFields = {}) => logger.error({ event, ...fields }),
});

/** As a string stands inside a line of JSON. */
const asInJson = (text: string): string => JSON.stringify(text).slice(1, -1);
