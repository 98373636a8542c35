// One side of a speed benchmark: a process of its own, held open, that does a round of work when told to.
// It answers each line on its standard input with a line of JSON; see protocol.ts for ours, peer/side.py for
// Python's.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { RestillError } from '../../src/errors.ts';
import type { Answer, Hello } from './protocol.ts';

export interface SideSpec {
  /** As in the names of the ratios. */
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Side {
  readonly name: string;
  readonly hello: Hello;
  /** Goes through all batches so many times. */
  round(sweeps: number): Promise<Answer>;
  close(): Promise<void>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const typescriptSide = (
  name: string,
  file: string,
  environment: Readonly<Record<string, string>>,
): SideSpec => ({
  name,
  command: process.execPath,
  arguments: ['--import', import.meta.resolve('tsx'), here(file)],
  environment,
});

/** @throws RestillError `USAGE` without RESTILL_PYTHON. */
export function pythonSide(name: string, file: string, ...flags: string[]): SideSpec {
  const python = process.env.RESTILL_PYTHON;
  if (python === undefined)
    throw new RestillError(
      'USAGE',
      'RESTILL_PYTHON is not set: the peers run in Python. Make an environment for them:\n' +
        '  python3 -m venv .venv && .venv/bin/pip install -r bench/peer/requirements.txt\n' +
        'and repeat with RESTILL_PYTHON=.venv/bin/python',
    );
  return { name, command: python, arguments: [here(`../peer/${file}`), ...flags], environment: {} };
}

/** Starts a side on a file of work. @throws RestillError `BACKEND_FAILED` with its last words if it ends. */
export async function openSide(spec: SideSpec, work: string): Promise<Side> {
  const child = spawn(spec.command, [...spec.arguments, work], {
    env: { ...process.env, ...spec.environment },
  });
  const lastWords: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => {
    lastWords.push(chunk.toString());
    lastWords.splice(0, lastWords.length - 20);
  });
  const closed = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await Promise.race([answers.next(), failed(child)]);
    if (!done) return JSON.parse(value) as T;
    const words = lastWords.join('').trim().split('\n').slice(-12).join('\n');
    throw new RestillError('BACKEND_FAILED', `the side ${spec.name} ended:\n${words}`);
  };
  const hello = await next<Hello>();
  return {
    name: spec.name,
    hello,
    round: (sweeps) => {
      child.stdin.write(`${JSON.stringify({ sweeps })}\n`);
      return next<Answer>();
    },
    close: () => {
      child.stdin.end();
      return closed;
    },
  };
}

/** Rejects when the process cannot be started. */
const failed = (child: ChildProcessWithoutNullStreams): Promise<never> =>
  new Promise((_, reject) => {
    child.once('error', reject);
  });
