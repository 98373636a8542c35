// What the log says of a daemon's events. Pure but for the log.
import type { Manifest } from '../contract.ts';
import type { DaemonEvent } from '../daemon.rx.ts';
import { RestillError } from '../errors.ts';
import type { TrainerNews } from '../protocol.ts';
import type { Log, LogFields } from '../telemetry.ts';

export function logDaemon(event: DaemonEvent, log: Log): void {
  switch (event.kind) {
    case 'trainer':
      return logTrainer(event.message, log);
    case 'lost':
      return log.error('trainer.lost', errorFields(event.error));
    case 'state':
      if (event.state === 'DRAINING') log.info('run.stopping');
      return;
    case 'ingest':
      // Once per transaction: that is what the metrics are for.
      if (event.progress.status.ended) log.info('ingest.ended', { ...event.progress.counts });
      return;
  }
}

/** Code and message; whose error it is not gets the code BUG. */
export const errorFields = (error: unknown): { readonly code: string; readonly message: string } => ({
  code: error instanceof RestillError ? error.code : 'BUG',
  message: error instanceof Error ? error.message : String(error),
});

const startedFields = ({ cursor, generation, pid }: Extract<TrainerNews, { kind: 'ready' }>): LogFields => ({
  cursor,
  generation,
  trainerPid: pid,
});

function logTrainer(message: TrainerNews, log: Log): void {
  switch (message.kind) {
    case 'ready':
      // Every line has the `pid` of this process.
      return log.info('trainer.started', startedFields(message));
    case 'died':
      return log.error('trainer.died', { ...message });
    case 'turn':
      return log.info('turn.finished', { ...message.report });
    case 'generation':
      return logGeneration(message.manifest, log);
    case 'damaged':
      return log.error('generation.damaged', message);
    case 'progress':
    case 'finished':
      return;
  }
}

/** One made on request is held without being judged. */
function logGeneration({ id, gate, scheduled, cursor }: Manifest, log: Log): void {
  log.info('generation.published', { id, gate });
  if (scheduled) log.info('gate.judged', { id, cursor, ...gate });
}
