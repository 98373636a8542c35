// `restill serve` as a process of its own, as an operator starts it: its address, its log, its end.
import type { ChildProcess } from 'node:child_process';
import { type Finished, restill } from './restill.ts';

export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface ServeProcess {
  readonly url: string;
  readonly pid: number;
  /** So far. */
  readonly log: readonly LogLine[];
  /** The first line of an event, now or when it comes. */
  logged(event: string, where?: (line: LogLine) => boolean): Promise<LogLine>;
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

export async function startServe(...argv: string[]): Promise<ServeProcess> {
  const log: LogLine[] = [];
  const watchers = new Set<() => void>();
  let child!: ChildProcess;
  const finished = restill(['serve', '--port', '0', ...argv], (started) => {
    child = started;
    let rest = '';
    started.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      log.push(...lines.map((line) => JSON.parse(line) as LogLine));
      for (const look of watchers) look();
    });
    return () => {};
  });
  const ended = finished.then(({ code, stderr }): never => {
    throw new Error(`restill serve left with ${code}: ${stderr}`);
  });
  ended.catch(() => {}); // by whoever waits for it
  const logged: ServeProcess['logged'] = (event, where = () => true) => {
    const found = new Promise<LogLine>((resolve) => {
      const look = (): void => {
        const line = log.find((one) => one.event === event && where(one));
        if (line === undefined) return;
        watchers.delete(look);
        resolve(line);
      };
      watchers.add(look);
      look();
    });
    return Promise.race([found, ended]);
  };
  const { address } = await logged('serve.listening');
  return {
    url: address as string,
    pid: child.pid!,
    log,
    logged,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return finished;
    },
  };
}
