// `restill run` as a service under a benchmark: the demo's models on a topic of a test broker.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { type Config, parseConfig } from '../../src/config.ts';
import { RestillError } from '../../src/errors.ts';
import { repository } from '../../test/support/restill.ts';

export interface ServiceSettings {
  readonly bootstrap: string;
  readonly topic: string;
  /** Groups between two generations. */
  readonly snapshotGroups: number;
  /** Event time that a page stays open for clicks. */
  readonly windowSeconds: number;
}

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Service {
  readonly config: Config;
  readonly pid: number;
  /**
   * SIGTERM: drains, makes a snapshot, ends.
   * @throws RestillError BACKEND_FAILED when it did not end with 0
   */
  stop(): Promise<void>;
}

/** Cycles between two generations. */
const cycles = 2;

/** config/demo.yaml, live: pages close within the run; what was learnt can be read from the ring again. */
function configOf({ bootstrap, topic, snapshotGroups, windowSeconds }: ServiceSettings): unknown {
  const demo = parse(readFileSync(join(repository, 'config/demo.yaml'), 'utf8')) as Record<string, unknown>;
  const window = `${windowSeconds}s`;
  return {
    ...demo,
    topic,
    kafka: { brokers: [bootstrap] },
    admin: { port: 0 },
    join: { window, lateness_max: window },
    watermark: { disorder_max: '1s', idle_timeout: '10s' },
    turns: { groups: Math.max(1, Math.round(snapshotGroups / cycles)), snapshot_every: cycles },
    journal: { ring_max: 10 * snapshotGroups, recent_max: 2 * snapshotGroups },
    evaluation: { groups_max: 100 },
  };
}

export async function startService(
  settings: ServiceSettings,
  directory: string,
  onLog: (line: LogLine) => void,
): Promise<Service> {
  const raw = configOf(settings);
  const config = parseConfig(raw);
  const file = join(directory, 'restill.yaml');
  writeFileSync(file, JSON.stringify(raw)); // JSON is YAML.
  const command = ['run', '--config', file, '--data', join(directory, 'data')];
  const child = spawn(process.execPath, [...launcherFlags(), `${repository}bin/restill`, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: '' },
  });
  process.on('exit', () => child.kill('SIGKILL')); // However this process ends.
  createInterface({ input: child.stdout }).on('line', (line) => onLog(JSON.parse(line) as LogLine));
  await once(child, 'spawn');
  return { config, pid: child.pid!, stop: () => stopped(child) };
}

async function stopped(child: ChildProcess): Promise<void> {
  const ended = child.exitCode === null ? once(child, 'exit') : Promise.resolve([child.exitCode]);
  child.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new RestillError('BACKEND_FAILED', `restill run ended with ${code}; see its log`);
}

/** What the first line of bin/restill gives to node: this does not start it through that line. */
export function launcherFlags(): string[] {
  const [first = ''] = readFileSync(`${repository}bin/restill`, 'utf8').split('\n');
  return first.split(' ').filter((word) => word.startsWith('--'));
}
