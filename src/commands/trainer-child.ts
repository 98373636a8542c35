// The trainer as a child process: TensorFlow calls block their thread, and ingest must not wait for them.
import { type ChildProcess, fork } from 'node:child_process';
import { Observable } from 'rxjs';
import { type ErrorCode, errorTable, RestillError } from '../errors.ts';
import type { FromTrainer, ToTrainer, TrainerFailure } from '../protocol.ts';
import { processEntry } from '../sibling.ts';
import type { TrainerHandle } from '../supervisor.rx.ts';

/** What the child needs to know; it reads the config file itself, so that both sides parse the same text. */
export interface TrainerStart {
  readonly dataDirectory: string;
  /** The parsed configuration file, before defaults. */
  readonly config: unknown;
}

/** Starts the child. It ends by itself when this process is gone: its channel closes. */
export function startTrainer(start: TrainerStart): TrainerHandle<FromTrainer> {
  const { module, execArgv } = processEntry(import.meta.url, '../trainer-process');
  const child = fork(module, [], {
    // A process group of its own: Ctrl-C on a terminal is for the daemon, which decides what it means.
    detached: true,
    execArgv,
    env: { ...process.env, ...allocator },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  });
  let dismissed = false;
  const send = (message: ToTrainer | ({ kind: 'start' } & TrainerStart)): void => {
    if (message.kind === 'stop') dismissed = true;
    child.send(message, () => {}); // Where it does not arrive the child is gone, which its end will tell.
  };
  send({ kind: 'start', ...start });
  return {
    messages$: messages$(child, () => dismissed),
    send,
    kill: () => child.kill('SIGKILL'),
  };
}

/**
 * Large tensors come and go every step: without these glibc gives their pages back to the kernel each time.
 */
export const allocator = {
  GLIBC_TUNABLES:
    'glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=34359738368:' +
    'glibc.malloc.top_pad=268435456',
};

/** The child's messages; an error when it says that it failed, or ends unasked without having finished. */
function messages$(child: ChildProcess, dismissed: () => boolean): Observable<FromTrainer> {
  return new Observable((subscriber) => {
    let last = '';
    let finished = false;
    let failed: RestillError | null = null;
    child.stderr!.on('data', (chunk: Buffer) => {
      last = (last + chunk.toString()).slice(-2000);
    });
    child.on('message', (message: FromTrainer | TrainerFailure) => {
      if (message.kind === 'failed') {
        failed = failure(message);
        child.kill('SIGKILL');
        return;
      }
      finished ||= message.kind === 'finished';
      subscriber.next(message);
    });
    child.on('error', (cause) => subscriber.error(notStarted(cause)));
    // Not at `exit`: messages and the last words on stderr may still be on their way then. Nor at `failed`: a
    // successor must not meet it at the generations.
    child.on('close', (code, signal) => {
      if (failed) subscriber.error(failed);
      else if (code === 0 && (finished || dismissed())) subscriber.complete();
      else subscriber.error(died(code, signal, last));
    });
    return () => child.kill('SIGKILL');
  });
}

function failure({ code, message }: TrainerFailure): RestillError {
  return new RestillError(code in errorTable ? (code as ErrorCode) : 'BUG', message);
}

const notStarted = (cause: Error): RestillError =>
  new RestillError(
    'TRAINER_DIED',
    `the trainer process cannot be started: ${cause.message}; is there memory left?`,
    { cause },
  );

function died(code: number | null, signal: string | null, stderr: string): RestillError {
  const how = signal ? `was killed by ${signal}` : `left with code ${code}`;
  const hint = signal === 'SIGKILL' ? ' (out of memory?)' : '';
  const tail = stderr.trim().split('\n').slice(-3).join('\n');
  return new RestillError(
    'TRAINER_DIED',
    `the trainer process ${how}${hint}; started again, it goes on from the last generation\n${tail}`.trim(),
  );
}
