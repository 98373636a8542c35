// Promise 4 where only the trainer process dies: however often it is killed, the daemon starts it again
// from the last generation, and the weights, the journal and the report are those of an undisturbed run.
// More deaths than trainer.restarts_max end the replay with a named error; started again, it goes on. The
// real command and real TensorFlow; the kills are seeded.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/commands/report.ts';
import { randomFor } from '../../src/random.ts';
import { type Finished, repository, restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-trainer-'));
const topic = join(directory, 'shop', 'clicks.jsonl.gz');
const seed = 11;
const kills = 6;

/** The models of the other crash test, with another patience. */
function configWith(restartsMax: number): string {
  const path = join(directory, `restarts-${restartsMax}.yaml`);
  const trainer = `trainer: { restarts_max: ${restartsMax}, backoff_min: 20ms, backoff_max: 200ms }`;
  writeFileSync(path, `${readFileSync(join(repository, 'test/crash/replay.yaml'), 'utf8')}\n${trainer}\n`);
  return path;
}

/** Replays; kills the first trainer processes, each some time after it was ready. */
function replay(name: string, o: { restartsMax: number; kills: number }): Promise<Finished> {
  const data = join(directory, name);
  const config = configWith(o.restartsMax);
  return restill(['replay', topic, '--config', config, '--data', data, '--json'], () => {
    const random = randomFor(seed, name);
    const killed = new Set<number>();
    const timer = setInterval(() => {
      const pid = events(data).findLast(({ event }) => event === 'trainer.started')?.trainerPid;
      if (pid === undefined || killed.has(pid) || killed.size >= o.kills) return;
      killed.add(pid);
      setTimeout(() => kill(pid), random.below(1500));
    }, 5);
    return () => clearInterval(timer);
  });
}

interface Logged {
  readonly event: string;
  readonly trainerPid: number;
}

const events = (data: string): Logged[] => {
  const file = join(data, 'restill.log');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Logged);
};
const count = (name: string, event: string): number =>
  events(join(directory, name)).filter((logged) => logged.event === event).length;

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was done before its time came.
  }
}

/** What must not differ: everything but the clock. */
function essence({ code, stdout, stderr }: Finished): object {
  expect(code, stderr).toBe(0);
  const { seconds: _, ...report } = JSON.parse(stdout) as Report;
  return report;
}

let whole: object;

beforeAll(async () => {
  const { code, stderr } = await restill([
    ...['simulate', '--out', join(directory, 'shop'), '--seed', String(seed)],
    ...['--impressions', '1200', '--queries', '60', '--products', '200', '--users', '100'],
  ]);
  expect(code, stderr).toBe(0);
  whole = essence(await replay('whole', { restartsMax: 0, kills: 0 }));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it(
  `a trainer that is killed ${kills} times is started again, and nothing is different at the end`,
  async () => {
    expect(essence(await replay('killed', { restartsMax: 20, kills }))).toEqual(whole);
    expect(count('killed', 'trainer.died')).toBeGreaterThanOrEqual(kills - 1);
    expect(count('killed', 'trainer.started')).toBe(count('killed', 'trainer.died') + 1);
  },
  5 * 60_000,
);

it(
  'a trainer that dies more often than it may ends the replay with why; started again, it goes on',
  async () => {
    const { code, stderr } = await replay('given-up', { restartsMax: 1, kills: 2 });
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('TRAINER_GIVEN_UP') });
    expect(stderr).toContain('died 2 times');
    expect(stderr).toContain('SIGKILL');
    expect(essence(await replay('given-up', { restartsMax: 1, kills: 0 }))).toEqual(whole);
  },
  5 * 60_000,
);
