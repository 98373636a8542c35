// The trainer as a child process: TensorFlow calls block their thread, and ingest must not wait for them.
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Observable } from 'rxjs';
import type { TrainerHandle } from '../daemon.rx.ts';
import { RestillError } from '../errors.ts';
import type { FromTrainer, ToTrainer } from '../protocol.ts';

/** What the child needs to know; it reads the config file itself, so that both sides parse the same text. */
export interface TrainerStart {
  readonly dataDirectory: string;
  /** The parsed configuration file, before defaults. */
  readonly config: unknown;
}

/** Starts the child. It ends by itself when this process is gone: its channel closes. */
export function startTrainer(start: TrainerStart): TrainerHandle {
  const child = fork(entry(), [], {
    execArgv: entry().endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
    env: { ...process.env, ...allocator },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  });
  child.send({ kind: 'start', ...start });
  return {
    messages$: messages$(child),
    send: (message: ToTrainer) => {
      if (child.connected) child.send(message);
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** Large tensors come and go every step: without these glibc gives their pages back to the kernel each time. */
const allocator = {
  GLIBC_TUNABLES:
    'glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=34359738368:glibc.malloc.top_pad=268435456',
};

function entry(): string {
  const source = fileURLToPath(new URL('../trainer-process.ts', import.meta.url));
  return existsSync(source) ? source : fileURLToPath(new URL('../trainer-process.js', import.meta.url));
}

/** The child's messages; an error when it ends without having said that it finished. */
function messages$(child: ChildProcess): Observable<FromTrainer> {
  return new Observable((subscriber) => {
    let last = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      last = (last + chunk.toString()).slice(-2000);
    });
    child.on('message', (message) => subscriber.next(message as FromTrainer));
    child.on('exit', (code, signal) => {
      if (code === 0) subscriber.complete();
      else subscriber.error(died(code, signal, last));
    });
  });
}

function died(code: number | null, signal: string | null, stderr: string): RestillError {
  const how = signal ? `was killed by ${signal}` : `left with code ${code}`;
  const hint = signal === 'SIGKILL' ? ' (out of memory?)' : '';
  const tail = stderr.trim().split('\n').slice(-3).join('\n');
  return new RestillError(
    'TRAINER_DIED',
    `the trainer process ${how}${hint}; start the same command again to go on from the last generation\n${tail}`.trim(),
  );
}
