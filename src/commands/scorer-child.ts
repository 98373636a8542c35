// A student's engine in a process of its own.
import { type ChildProcess, fork } from 'node:child_process';
import type { EncodedPair } from '../contract.ts';
import { type ErrorCode, errorTable, RestillError } from '../errors.ts';
import type { Engine } from '../serving/ports.ts';
import {
  type FromScorer,
  joinSequences,
  type ScorerStart,
  type ToScorer,
} from '../serving/scorer-messages.ts';
import { processEntry } from '../sibling.ts';

export interface ScorerChild {
  readonly engine: Engine;
  /** Resolves if the process ends unasked. */
  readonly died: Promise<Error>;
  readonly pid: number;
}

/**
 * Resolves when the student can score.
 *
 * @throws what the process says is wrong with the generation, `SERVE_ENGINE_DIED` if it ends without a word,
 *   or the signal's reason once it is aborted; then the process is gone.
 */
export async function startScorer(
  start: Omit<ScorerStart, 'kind'>,
  signal: AbortSignal,
): Promise<ScorerChild> {
  signal.throwIfAborted();
  const scorer = new Scorer(forkScorer());
  const abort = (): void => scorer.end(signal.reason as Error);
  signal.addEventListener('abort', abort);
  try {
    scorer.send({ kind: 'start', ...start });
    await scorer.ready;
    return { engine: scorer, died: scorer.died, pid: scorer.pid };
  } catch (error) {
    await scorer.dispose();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function forkScorer(): ChildProcess {
  const { module, execArgv } = processEntry(import.meta.url, '../scorer-process');
  return fork(module, [], {
    // A process group of its own: Ctrl-C on a terminal is for the server, which decides what it means.
    detached: true,
    execArgv: ['--expose-gc', ...execArgv],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
}

interface Call {
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (error: Error) => void;
}

class Scorer implements Engine {
  readonly ready: Promise<void>;
  readonly died: Promise<Error>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  /** In the order in which they are answered. */
  readonly #calls: Call[] = [];
  #onReady!: () => void;
  #onNotReady!: (error: Error) => void;
  #onDeath!: (error: Error) => void;
  /** Why it takes no more calls. */
  #ended: Error | null = null;
  #disposed = false;
  #stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onNotReady = reject;
    });
    this.died = new Promise((resolve) => (this.#onDeath = resolve));
    this.#closed = new Promise((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve()); // It never started.
    });
    // It has none where no process, or no file, could be opened any more.
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    child.on('message', (message: FromScorer) => this.#take(message));
    child.on('error', (cause) => this.end(died(`cannot be started: ${cause.message}`)));
    child.on('close', (code, by) => {
      const how = by ? `was killed by ${by}` : `left with code ${code}`;
      const hint = by === 'SIGKILL' ? ' (out of memory?)' : '';
      const tail = this.#stderr.trim().split('\n').slice(-3).join('\n');
      this.end(died(`${how}${hint}\n${tail}`.trim()));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  send(message: ToScorer): void {
    // Where it does not arrive the child is gone, or never came, which its end tells.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  score(sequences: readonly EncodedPair[]): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#calls.push({ resolve, reject });
      this.send(joinSequences(sequences));
    });
  }

  /** Kills the process; calls that are not answered are rejected. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.end(new RestillError('SERVE_ENGINE_DIED', 'the student was disposed while it scored'));
    await this.#closed;
  }

  /** For the first of several reasons. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#child.kill('SIGKILL');
    this.#onNotReady(error);
    for (const { reject } of this.#calls.splice(0)) reject(error);
    if (!this.#disposed) this.#onDeath(error);
  }

  #take(message: FromScorer): void {
    if (message.kind === 'ready') this.#onReady();
    else if (message.kind === 'scores') this.#calls.shift()?.resolve(message.logits);
    else this.end(failure(message.code, message.message));
  }
}

function failure(code: string, message: string): RestillError {
  return new RestillError(code in errorTable ? (code as ErrorCode) : 'BUG', message);
}

const died = (how: string): RestillError =>
  new RestillError('SERVE_ENGINE_DIED', `the process that scores ${how}`);
