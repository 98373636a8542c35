// `restill run` and `restill replay --broker` as a user starts them, on a real Apache Kafka: stopped and
// killed at any moment, a topic comes to the journal that the replay of its recording comes to (promise 1);
// what stands in the way has a name and an exit code.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/commands/report.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { errorTable } from '../../src/errors.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { quickly } from '../support/broker/live.ts';
import { createTopic, produce } from '../support/broker/topic.ts';
import { readRecording } from '../support/records.ts';
import { repository, restill } from '../support/restill.ts';
import { startRun } from '../support/run-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-run-'));
const tiny = readFileSync(join(repository, 'test/crash/replay.yaml'), 'utf8');
const recording = join(directory, 'shop', 'clicks.jsonl.gz');
const place = (name: string): string => join(directory, name);

/** What must not depend on how the topic was read. */
type Outcome = Pick<Report, 'ingest' | 'journalSha256' | 'weightsSha256'>;

describe.skipIf(!canRunKafka())('restill run', { timeout: 240_000 }, () => {
  let broker: Broker;
  let records: SourceRecord[];
  let expected: Outcome;
  let config: string;

  const configure = (
    name: string,
    kafka: Readonly<Record<string, unknown>> = {},
    topic = 'clicks',
  ): string => {
    const file = place(`${name}.yaml`);
    const settings = JSON.stringify(quickly(broker.bootstrap, kafka));
    writeFileSync(file, `${tiny}\ntopic: ${topic}\nadmin: { port: null }\nkafka: ${settings}\n`);
    return file;
  };
  const outcome = ({ code, stdout, stderr }: Awaited<ReturnType<typeof restill>>): Outcome => {
    expect(code, stderr).toBe(0);
    const { ingest, journalSha256, weightsSha256 } = JSON.parse(stdout) as Report;
    return { ingest, journalSha256, weightsSha256 };
  };

  beforeAll(async () => {
    const shop = ['--impressions', '400', '--queries', '30', '--products', '120', '--users', '40'];
    const made = await restill(['simulate', '--out', place('shop'), '--seed', '3', ...shop]);
    expect(made.code, made.stderr).toBe(0);
    records = readRecording(recording);
    broker = await startBroker();
    const partitions = Math.max(...records.map(({ partition }) => partition)) + 1;
    await createTopic(broker.bootstrap, 'clicks', partitions);
    await produce(broker.bootstrap, records, { topic: 'clicks' });
    config = configure('restill');
    const base = ['--config', config, '--data', place('file'), '--json'];
    expected = outcome(await restill(['replay', recording, ...base]));
  });
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const finish = (data: string) =>
    restill(['replay', '--broker', '--config', config, '--data', data, '--json']);

  test('replay --broker comes to what the replay of the recording comes to', async () => {
    expect(outcome(await finish(place('bounded')))).toEqual(expected);
  });

  test('so does a run that is stopped, killed and stopped again, once it is brought to its end', async () => {
    const data = place('live');
    const first = startRun(config, data);
    await first.until('generation.published');
    first.child.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(first.log().at(-1)).toMatchObject({ event: 'run.finished' });
    const second = startRun(config, data);
    await second.until('trainer.started');
    second.child.kill('SIGKILL');
    await second.ended;
    const third = startRun(config, data);
    await third.until('source.joined');
    third.child.kill('SIGTERM');
    expect(await third.ended).toMatchObject({ code: 0 });
    expect(outcome(await finish(data))).toEqual(expected);
    // That was its end.
    const { code, stderr } = await startRun(config, data).ended;
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: expect.stringContaining('restill: JOURNAL_ENDED: '),
    });
  });

  test.each([
    ['KAFKA_TOPIC_UNKNOWN', () => configure('unknown', {}, 'clocks')],
    ['KAFKA_UNREACHABLE', () => configure('away', { brokers: ['127.0.0.1:1'], retries_max: 1 })],
    ['SECRET_UNREADABLE', () => configure('mute', { sasl: sasl({ env: 'RESTILL_TEST_NOT_SET' }) })],
  ] as const)('ends with %s', async (code, broken) => {
    const { ended } = startRun(broken(), place(code));
    const { code: exit, stderr } = await ended;
    expect(stderr).toContain(`restill: ${code}: `);
    expect(exit).toBe(errorTable[code].exit);
  });
});

const sasl = (password: object): object => ({ mechanism: 'plain', username: 'reader', password });
