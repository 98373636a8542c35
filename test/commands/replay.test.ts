// What becomes of a replay whose trainer dies, whose recording breaks off, or which has nothing to learn
// from. The real command and real TensorFlow, as a child process. Promise 4 at random moments is tested in
// test/crash.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/commands/report.ts';
import { type ErrorCode, errorTable } from '../../src/errors.ts';
import { type Finished, repository, restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-replay-'));
const tiny = join(repository, 'test/crash/replay.yaml');
const topic = join(directory, 'shop', 'clicks.jsonl.gz');
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
const changed = (name: string, from: string, to: string): string =>
  file(name, readFileSync(tiny, 'utf8').replace(from, to));

function replay(
  name: string,
  input: string,
  config = tiny,
  meddle?: (child: ChildProcess) => () => void,
): Promise<Finished> {
  return restill(['replay', input, '--config', config, '--data', join(directory, name), '--json'], meddle);
}

/** The report of a replay that succeeded, without the clock. */
function reportOf({ code, stdout, stderr }: Finished): Omit<Report, 'seconds'> {
  expect(code, stderr).toBe(0);
  const { seconds: _, ...report } = JSON.parse(stdout) as Report;
  return report;
}

/** One line of error with its code, and the exit code that belongs to it. */
function expectError({ code, stderr }: Finished, expected: ErrorCode): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('restill: '));
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toContain(`restill: ${expected}: `);
  expect(code).toBe(errorTable[expected].exit);
  return stderr;
}

let whole: object;
beforeAll(async () => {
  const { code, stderr } = await restill([
    ...['simulate', '--out', join(directory, 'shop'), '--seed', '3', '--impressions', '400'],
    ...['--queries', '30', '--products', '120', '--users', '40'],
  ]);
  expect(code, stderr).toBe(0);
  whole = reportOf(await replay('whole', topic));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a replay', () => {
  it('started again when it is done prints the same report', async () => {
    expect(reportOf(await replay('whole', topic))).toEqual(whole);
  });

  it.skipIf(process.platform !== 'linux')(
    'whose trainer may not be started again says so and leaves; the same command goes on (promise 4)',
    async () => {
      const frail = changed('frail.yaml', 'checkpoint:', 'trainer: { restarts_max: 0 }\ncheckpoint:');
      const killed = await replay('orphaned', topic, frail, (child) => {
        const children = `/proc/${child.pid}/task/${child.pid}/children`;
        const timer = setInterval(() => {
          const trainer = readFileSync(children, 'utf8').trim();
          if (trainer === '') return;
          clearInterval(timer);
          process.kill(Number(trainer), 'SIGKILL');
        }, 5);
        return () => clearInterval(timer);
      });
      expect(expectError(killed, 'TRAINER_DIED')).toContain('it goes on from the last generation');
      expect(reportOf(await replay('orphaned', topic))).toEqual(whole);
    },
  );

  it('of a recording that breaks off keeps what it read, and goes on (promise 1)', async () => {
    const bytes = readFileSync(topic);
    const cut = file('cut.jsonl.gz', bytes.subarray(0, bytes.length / 2));
    expectError(await replay('repaired', cut), 'INPUT_UNREADABLE');
    expect(reportOf(await replay('repaired', topic))).toEqual(whole);
  });

  it('of nothing, or of nothing that may be kept, ends with a report', async () => {
    const nothing = { groups: 0, steps: 0, generation: null, quality: [] };
    expect(reportOf(await replay('empty', file('empty.jsonl', '')))).toMatchObject(nothing);
    const strict = changed('strict.yaml', 'users_min: 1', 'users_min: 5000');
    expect(reportOf(await replay('withheld', topic, strict))).toMatchObject(nothing);
  });

  it('of holdout queries alone learns nothing (promise 7) and says so', async () => {
    const held = changed('held.yaml', 'share: 0.2', 'share: 1');
    const report = reportOf(await replay('held', topic, held));
    expect(report).toMatchObject({ steps: 0, pairs: 0 });
    expect(report.quality[0]!.after).toEqual(report.quality[0]!.before);
  });

  it('with a vocabulary that is not there is refused, and `check` says so before', async () => {
    const config = file('vocabulary.yaml', 'vocabulary: { path: nowhere.json }\n');
    expect(expectError(await replay('wordless', topic, config), 'INPUT_UNREADABLE')).toContain(
      'nowhere.json',
    );
    expectError(await restill(['check', '--config', config]), 'INPUT_UNREADABLE');
  });
});
