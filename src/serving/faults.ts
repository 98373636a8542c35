// Which fault an error is, whoever threw it.
import { RestillError } from '../errors.ts';
import { ServeBusy } from './busy.ts';
import { Fault } from './dialect.ts';

/** A client that asked for something that is not there yet comes again after this. */
const unreadyMs = 1000;

/** Never the error's own message where it may quote what a client sent, or tell of this machine. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof ServeBusy)
    return new Fault('busy', 'more waits than is held; come again', error.retryAfterMs);
  if (error instanceof RestillError) {
    if (error.code === 'SERVE_TEXT_TOO_LONG') return new Fault('too-much', error.message);
    if (error.code === 'SERVE_NOT_READY') return new Fault('unready', 'no generation is live yet', unreadyMs);
    if (error.code === 'SERVE_ENGINE_DIED')
      return new Fault('unready', 'the student has to be loaded again', unreadyMs);
  }
  return ofServer(error) ?? new Fault('failed', 'scoring failed; the log says more');
}

/** Fastify's errors for what it does not take; null for others. */
function ofServer(error: unknown): Fault | null {
  const { statusCode, code } = error as { statusCode?: number; code?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Fault('too-large', 'the body is too large');
  if (statusCode === 415) return new Fault('unsupported', 'expected content-type: application/json');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Fault('malformed', 'the body is not JSON');
  return null;
}
