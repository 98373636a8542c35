// `restill run` whose trainer process is killed, on a real Apache Kafka: what is learnt in the end is what an
// undisturbed replay learns (promise 4); one that dies too often, or for the same reason at the same place,
// is given up, which /readyz says, while ingest goes on; one that hangs does not keep a stop from ending.
// Nothing is left behind in the process table.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Report } from '../../src/commands/report.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { quickly } from '../support/broker/live.ts';
import { createTopic, produce } from '../support/broker/topic.ts';
import { readRecording } from '../support/records.ts';
import { type Finished, repository, restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-supervision-'));
const recording = join(directory, 'shop', 'clicks.jsonl.gz');

interface LogLine {
  readonly event: string;
  readonly trainerPid: number;
  readonly address: string;
}

/** A run, and what its log has said so far. `act` is told of each new line. */
function run(args: readonly string[], act: (line: LogLine, child: ChildProcess) => void) {
  const lines: LogLine[] = [];
  const ended = restill(['run', ...args], (child) => {
    let rest = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const line = JSON.parse(part) as LogLine;
        lines.push(line);
        act(line, child);
      }
    });
    return () => {};
  });
  return { lines, ended };
}

const count = (lines: readonly LogLine[], event: string): number =>
  lines.filter((line) => line.event === event).length;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const essence = ({ code, stdout, stderr }: Finished): Partial<Report> => {
  expect(code, stderr).toBe(0);
  const { ingest, journalSha256, weightsSha256 } = JSON.parse(stdout) as Report;
  return { ingest, journalSha256, weightsSha256 };
};

describe.skipIf(!canRunKafka())('a run whose trainer dies', { timeout: 240_000 }, () => {
  let broker: Broker;
  let records: SourceRecord[];

  /** A topic with these records, and the arguments of a run that reads it. */
  async function serve(name: string, settings: string, content: readonly SourceRecord[]) {
    const partitions = Math.max(...records.map(({ partition }) => partition)) + 1;
    await createTopic(broker.bootstrap, name, partitions);
    await produce(broker.bootstrap, content, { topic: name });
    const tiny = readFileSync(join(repository, 'test/crash/replay.yaml'), 'utf8');
    const kafka = quickly(broker.bootstrap, { group: name });
    const file = join(directory, `${name}.yaml`);
    const written = { ...(parse(tiny) as object), ...(parse(settings) as object) };
    writeFileSync(file, JSON.stringify({ ...written, admin: { port: 0 }, topic: name, kafka }));
    return ['--config', file, '--data', join(directory, name)];
  }

  beforeAll(async () => {
    const shop = ['--impressions', '400', '--queries', '30', '--products', '120', '--users', '40'];
    const made = await restill(['simulate', '--out', join(directory, 'shop'), '--seed', '5', ...shop]);
    expect(made.code, made.stderr).toBe(0);
    records = readRecording(recording);
    broker = await startBroker();
  });
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('learns what an undisturbed replay learns', async () => {
    const args = await serve('killed', 'trainer: { restarts_max: 10, backoff_min: 20ms }', records);
    const { lines, ended } = run(args, (line, child) => {
      if (line.event === 'trainer.started' && count(lines, 'trainer.started') <= 3)
        process.kill(line.trainerPid, 'SIGKILL');
      if (line.event === 'generation.published') child.kill('SIGTERM');
    });
    expect((await ended).code).toBe(0);
    expect(count(lines, 'trainer.died')).toBe(3);
    const whole = await restill([
      'replay',
      '--broker',
      ...args,
      '--data',
      join(directory, 'whole'),
      '--json',
    ]);
    expect(essence(await restill(['replay', '--broker', ...args, '--json']))).toEqual(essence(whole));
  });

  test('gives it up after restarts_max, says so, and goes on reading', async () => {
    const half = records.slice(0, records.length >> 1);
    const args = await serve('given-up', 'trainer: { restarts_max: 1, backoff_min: 20ms }', half);
    let address = '';
    let lost = (): void => {};
    const isLost = new Promise<void>((resolve) => {
      lost = resolve;
    });
    let daemon: ChildProcess | null = null;
    const { ended } = run(args, (line, child) => {
      daemon = child;
      if (line.event === 'admin.listening') address = line.address;
      if (line.event === 'trainer.started') process.kill(line.trainerPid, 'SIGKILL');
      if (line.event === 'trainer.lost') lost();
    });
    await isLost;
    const get = async (path: string): Promise<{ status: number; body: string }> => {
      const response = await fetch(`${address}${path}`, { headers: { connection: 'close' } });
      return { status: response.status, body: await response.text() };
    };
    const readiness = await get('/readyz');
    expect(readiness.status).toBe(503);
    expect(readiness.body).toContain('"code":"TRAINER_GIVEN_UP"');
    expect((await get('/healthz')).status).toBe(200);
    await produce(broker.bootstrap, records.slice(half.length), { topic: 'given-up' });
    await expect
      .poll(async () => (await get('/metrics')).body, { timeout: 30_000, interval: 200 })
      .toContain(`\nrestill_ingest_records_total ${records.length}\n`);
    daemon!.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('TRAINER_GIVEN_UP') });
  });

  test('gives it up at once when it meets the same failure again, and goes on reading', async () => {
    const settings = `{ trainer: { restarts_max: 5, backoff_min: 20ms },
      distill: { steps_max: 8, batch: 8, learning_rate: 1e30 } }`;
    const args = await serve('stuck', settings, records);
    const { lines, ended } = run(args, (line, child) => {
      if (line.event === 'trainer.lost') child.kill('SIGTERM');
    });
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('TRAINER_STUCK') });
    expect(stderr).toContain('NON_FINITE: distill');
    expect(count(lines, 'trainer.started')).toBe(2);
    expect(count(lines, 'trainer.died')).toBe(1);
  });

  test('is stopped within the deadline although it hangs, and takes it along', async () => {
    const args = await serve('frozen', 'run: { drain_deadline: 1s }', records);
    let pid = 0;
    const { ended } = run(args, (line, child) => {
      if (line.event !== 'trainer.started') return;
      pid = line.trainerPid;
      process.kill(pid, 'SIGSTOP');
      child.kill('SIGTERM');
    });
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('DRAIN_TIMED_OUT') });
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
  });
});
