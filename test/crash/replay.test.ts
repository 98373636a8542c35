// Promise 4: kill -9 anywhere, any number of times; the last generation's weights, the journal's content and
// the report's counts are those of an uninterrupted run. Promise 1: so is the journal. Two uninterrupted runs
// are equal too. The real command, real TensorFlow, real files; the kills are seeded, and fall in ingest, in
// training and in the writing of a generation.

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/commands/report.ts';
import { randomFor } from '../../src/random.ts';
import { repository, restill } from '../support/restill.ts';

const kills = 21;
const directory = mkdtempSync(join(tmpdir(), 'restill-crash-'));
const topic = join(directory, 'shop', 'clicks.jsonl.gz');
const config = join(repository, 'test/crash/replay.yaml');
const seed = 7;

/** When to kill: some milliseconds after something has been seen. */
type Moment = 'ingest' | 'training' | 'writing';

const replayArgs = (data: string): string[] => [
  'replay',
  topic,
  '--config',
  config,
  '--data',
  data,
  '--json',
];

async function complete(data: string): Promise<Report> {
  const { code, stdout, stderr } = await restill(replayArgs(data));
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

/** What must not differ: everything but the clock. */
const essence = ({ seconds: _, ...report }: Report): object => report;

beforeAll(async () => {
  const { code, stderr } = await restill([
    ...['simulate', '--out', join(directory, 'shop'), '--seed', String(seed)],
    ...['--impressions', '1600', '--queries', '60', '--products', '200', '--users', '100'],
  ]);
  expect(code, stderr).toBe(0);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('kill -9', () => {
  it(
    `changes nothing, ${kills} times in a row`,
    async () => {
      const whole = await complete(join(directory, 'whole'));
      expect(whole.generation).toBe('g000006');
      expect(essence(await complete(join(directory, 'again')))).toEqual(essence(whole));

      const data = join(directory, 'killed');
      const random = randomFor(seed, 'kills');
      const moments: Moment[] = ['ingest', 'training', 'writing'];
      const seen: string[] = [];
      for (let i = 0; i < kills; i++) {
        const moment = i < 4 ? 'ingest' : moments[random.below(3)]!;
        const { code, signal } = await restill(
          replayArgs(data),
          meddler(data, moment, random.below(400), 'SIGKILL'),
        );
        seen.push(`${moment}:${signal ?? code}`);
        // It was done before its moment came: once more from the start.
        if (code === 0) rmSync(data, { recursive: true });
      }
      expect(seen.filter((kill) => kill.endsWith('SIGKILL')).length, seen.join(' ')).toBeGreaterThanOrEqual(
        20,
      );
      expect(essence(await complete(data))).toEqual(essence(whole));
    },
    20 * 60_000,
  );
});

describe('Ctrl-C', () => {
  it(
    'makes a snapshot between two steps, says so with exit code 130, and changes nothing of what follows',
    async () => {
      const whole = await complete(join(directory, 'whole'));
      const data = join(directory, 'interrupted');
      const random = randomFor(seed, 'interrupts');
      const codes: (number | null)[] = [];
      for (let i = 0; i < 4; i++) {
        const watch = meddler(data, 'training', random.below(300), 'SIGINT');
        codes.push((await restill(replayArgs(data), watch)).code);
      }
      expect(codes.filter((code) => code === 130).length).toBeGreaterThanOrEqual(3);
      const { generation: _, ...after } = await complete(data);
      const { generation: __, ...expected } = whole;
      expect(essence(after as Report)).toEqual(essence(expected as Report));
    },
    10 * 60_000,
  );
});

/** Sends the daemon a signal at a moment of the run. A killed daemon takes its trainer with it. */
function meddler(
  data: string,
  moment: Moment,
  delayMs: number,
  signal: 'SIGKILL' | 'SIGINT',
): (child: ChildProcess) => () => void {
  return (child) => {
    const logged = lines(data);
    let waiting = true;
    const timer = setInterval(() => {
      if (!waiting || !hasCome(data, moment, logged)) return;
      waiting = false;
      setTimeout(() => child.kill(signal), moment === 'writing' ? 0 : delayMs);
    }, 2);
    return () => clearInterval(timer);
  };
}

function hasCome(data: string, moment: Moment, logged: number): boolean {
  if (moment === 'ingest') return existsSync(join(data, 'journal', 'data.mdb'));
  if (moment === 'writing')
    return names(join(data, 'generations')).some((name) => name.startsWith('.staging'));
  return log(data)
    .slice(logged)
    .some((line) => line.includes('"turn.finished"'));
}

const names = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
const log = (data: string): string[] => {
  const file = join(data, 'restill.log');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
};
const lines = (data: string): number => Math.max(0, log(data).length - 1);
