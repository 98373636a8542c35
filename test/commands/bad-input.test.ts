// What a user gets for bad input: one clear error with its code and what to do, the documented exit code, and
// nothing lost. The real command, as a child process.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, repository, restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-bad-'));
const tiny = join(repository, 'test/crash/replay.yaml');
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
const place = { topic: 'clicks', partition: 0 };
const record = (offset: number, payload: string | null, ts = 1_700_000_000_000 + offset): string =>
  `${JSON.stringify({ ...place, offset, tstype: 'create', ts, broker: 1, key: null, payload })}\n`;
const click = (offset: number): string =>
  record(
    offset,
    JSON.stringify({
      ...{ type: 'click', ts: 1_700_000_000_000 + offset, impression_id: 'i', session_id: 's', user_id: 'u' },
      ...{ doc_id: 'd', dwell_ms: 1 },
    }),
  );

/** One line of error, after any progress, that starts with the code. */
function expectError(finished: Finished, code: string, exit: number): string {
  expect(finished.code, finished.stderr).toBe(exit);
  const lines = finished.stderr.split('\n').filter((line) => line.startsWith('restill: '));
  expect(lines, finished.stderr).toHaveLength(1);
  expect(lines[0]).toContain(`restill: ${code}: `);
  return finished.stderr;
}

let shop = '';
beforeAll(async () => {
  shop = join(directory, 'shop');
  const { code, stderr } = await restill([
    'simulate',
    '--out',
    shop,
    '--seed',
    '3',
    '--impressions',
    '400',
    '--queries',
    '30',
    '--products',
    '120',
    '--users',
    '40',
  ]);
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('bad input', () => {
  it('a missing file', async () => {
    const text = expectError(
      await restill(['check', join(directory, 'nowhere.jsonl')]),
      'INPUT_UNREADABLE',
      3,
    );
    expect(text).toContain('nowhere.jsonl');
  });

  it('a truncated gzip: everything before the break is counted, the error names the file', async () => {
    const whole = gzipSync(Array.from({ length: 2_000 }, (_, i) => click(i)).join(''));
    const cut = file('cut.jsonl.gz', whole.subarray(0, whole.length - 400));
    expect(expectError(await restill(['check', cut]), 'INPUT_UNREADABLE', 3)).toContain('cut.jsonl.gz');
  });

  it('an unknown config key, a value without unit, contradicting values', async () => {
    const config = file('bad.yaml', 'jion: { window: 30m }\nwatermark: { disorder_max: 10 }\n');
    const text = expectError(await restill(['check', '--config', config]), 'CONFIG_INVALID', 2);
    expect(text).toContain('jion');
    expect(text).toContain('watermark.disorder_max');
  });

  it('records with wrong types, a negative timestamp and a line of 50 MB become dead letters', async () => {
    const long = JSON.stringify({
      topic: 'clicks',
      partition: 0,
      offset: 2,
      ts: 1,
      payload: 'x'.repeat(50 << 20),
    });
    const topic = file(
      'odd.jsonl',
      record(0, '{"type":"click","ts":"soon"}') +
        `${record(1, '{}', -5)}${long}\n${record(3, null)}${click(4)}not json\n`,
    );
    const { code, stdout, stderr } = await restill(['check', topic, '--json']);
    expect(code, stderr).toBe(0);
    const { counts } = JSON.parse(stdout) as { counts: Record<string, number> };
    expect(counts).toMatchObject({ malformed: 5, clicks: 1 });
  });

  it('a command line that is wrong', async () => {
    expect((await restill(['replay', 'x.jsonl'])).code).toBe(2);
    expect((await restill(['replya'])).code).toBe(2);
  });
});

describe('a data directory', () => {
  it('that cannot be made', async () => {
    const taken = file('taken', '');
    const data = join(taken, 'run');
    expectError(
      await restill(['replay', join(shop, 'clicks.jsonl.gz'), '--data', data]),
      'STORE_WRITE_FAILED',
      4,
    );
  });

  it('of another config or topic is refused; a damaged generation is named and made again', async () => {
    const data = join(directory, 'run');
    const topic = join(shop, 'clicks.jsonl.gz');
    const replay = (config: string, input = topic): Promise<Finished> =>
      restill(['replay', input, '--config', config, '--data', data, '--json']);
    const first = await replay(tiny);
    expect(first.code, first.stderr).toBe(0);
    const report = JSON.parse(first.stdout) as { steps: number; generation: string };

    const text = readFileSync(tiny, 'utf8');
    const streams = file('streams.yaml', text.replace('share: 0.2', 'share: 0.3'));
    expect(expectError(await replay(streams), 'JOURNAL_FOREIGN', 4)).toContain('holdout.share');
    const training = file('training.yaml', text.replace('steps_max: 4', 'steps_max: 5'));
    expectError(await replay(training), 'GENERATION_FOREIGN', 4);
    expectError(
      await replay(tiny, file('other.jsonl', click(0).replace('clicks', 'orders'))),
      'JOURNAL_FOREIGN',
      4,
    );

    const weights = join(data, 'generations', report.generation, 'student', 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(weights, bytes);
    const again = await replay(tiny);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain(`${report.generation} is damaged`);
    expect(readdirSync(join(data, 'generations')).some((name) => name.startsWith('.damaged'))).toBe(true);
    // Another draw of replayed groups than the first time: the ring had been retired further than that
    // generation.
    expect((JSON.parse(again.stdout) as { steps: number }).steps).toBe(report.steps);

    rmSync(join(data, 'generations'), { recursive: true });
    expect(expectError(await replay(tiny), 'JOURNAL_AHEAD', 4)).toContain('another data directory');
  }, 300_000);

  it('that cannot be logged in', async () => {
    const data = join(directory, 'no-log');
    mkdirSync(join(data, 'restill.log'), { recursive: true });
    expectError(
      await restill(['replay', join(shop, 'clicks.jsonl.gz'), '--data', data]),
      'STORE_WRITE_FAILED',
      4,
    );
  });
});
