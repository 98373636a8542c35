// `restill run` under a service manager: started again when it was killed, or when it left with an error that
// passes by itself. Any other end is remembered, and fails the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { type ErrorCode, errorTable } from '../../../src/errors.ts';
import { repository } from '../restill.ts';

export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

export class Daemon {
  readonly #args: readonly string[];
  readonly #lines: LogLine[] = [];
  #child: ChildProcess | null = null;
  #ended: Promise<Ended> = Promise.resolve({ code: 0, stderr: '' });
  #stopping = false;
  /** The first line of the process that runs. */
  #from = 0;
  /** What it left with by itself and was started again after. */
  readonly left: string[] = [];
  /** An end that no service manager should hide. */
  failure: Ended | null = null;

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  start(): void {
    const child = spawn(process.execPath, [`${repository}bin/restill`, 'run', ...this.#args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: '' },
    });
    this.#from = this.#lines.length;
    let rest = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop()!;
      for (const part of parts) this.#lines.push(JSON.parse(part) as LogLine);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve({ code, stderr });
        if (signal === null && !this.#stopping) this.#leftByItself({ code, stderr });
      });
    });
  }

  count(event: string): number {
    return this.#lines.filter((line) => line.event === event).length;
  }

  /** Whether a trainer has begun that has not died, as far as the log says. */
  isTrainerUp(): boolean {
    const last = (event: string): number => this.#lines.findLastIndex((line) => line.event === event);
    return last('trainer.started') >= Math.max(this.#from, last('trainer.died'));
  }

  log(): readonly LogLine[] {
    return this.#lines;
  }

  /** SIGKILL, then started again at once. */
  async crash(): Promise<void> {
    const ended = this.#ended;
    this.#child?.kill('SIGKILL');
    await ended;
    this.start();
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  killTrainer(): void {
    const pid = this.#lines.findLast((line) => line.event === 'trainer.started')?.trainerPid;
    try {
      process.kill(pid as number, 'SIGKILL');
    } catch {
      // It is gone already, which the log will say.
    }
  }

  /** SIGTERM; nothing is started again. */
  stop(): Promise<Ended> {
    this.#stopping = true;
    this.#child?.kill('SIGTERM');
    return this.#ended;
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  #leftByItself(ended: Ended): void {
    const code = /restill: ([A-Z_]+): /.exec(ended.stderr)?.[1] ?? '';
    if (code in errorTable && errorTable[code as ErrorCode].disposition === 'retry') {
      this.left.push(code);
      this.start();
    } else this.failure ??= ended;
  }
}
