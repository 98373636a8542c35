// `restill run` as a process: its log as it comes, and how it ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { expect } from 'vitest';
import { repository } from './restill.ts';

export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface RunProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
  log(): LogLine[];
  /** Resolves when the event has been logged so often. */
  until(event: string, times?: number): Promise<void>;
}

export function startRun(config: string, data: string, more: readonly string[] = []): RunProcess {
  const args = ['run', '--config', config, '--data', data, ...more];
  const child = spawn(process.execPath, [`${repository}bin/restill`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: '' },
  });
  let text = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    for (const look of watchers) look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const log = (): LogLine[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stderr })),
  );
  const until = (event: string, times = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (log().filter((line) => line.event === event).length >= times) resolve();
      };
      watchers.add(look);
      look();
      void ended.then(() => reject(new Error(`ended before ${event}: ${stderr}\n${text}`)));
    });
  return { child, log, until, ended };
}

/** As an operator stops it: in good order. */
export async function stopRun({ child, ended }: RunProcess): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
}
