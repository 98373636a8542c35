// record, check --broker and dead-letters as a user starts them, on a real Apache Kafka: a recording is what
// the topic holds, looking changes nothing, and what could not be used can be seen and sent again
// (promise 9).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../src/contract.ts';
import { openLetterSender } from '../../src/streams/dead-letters.kafka.ts';
import { formatLetter } from '../../src/streams/envelope.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { quickly } from '../support/broker/live.ts';
import { createTopic, produce, testClient, withAdmin } from '../support/broker/topic.ts';
import { recordingOf, recordOf, topicOf } from '../support/records.ts';
import { restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-commands-'));
const place = (name: string): string => join(directory, name);

describe.skipIf(!canRunKafka())('with a broker', () => {
  const records = topicOf(30);
  const letters = records
    .filter(({ value }) => value === '{')
    .map((record): DeadLetter => ({ record, reason: 'malformed', detail: 'not JSON' }));
  const config = place('restill.yaml');
  let broker: Broker;

  beforeAll(async () => {
    broker = await startBroker();
    await createTopic(broker.bootstrap, 'clicks', 2);
    await createTopic(broker.bootstrap, 'dead', 1);
    await produce(broker.bootstrap, records);
    const kafka = JSON.stringify(quickly(broker.bootstrap, { dead_letters: 'dead' }));
    writeFileSync(config, `topic: clicks\nprivacy: { users_min: 1 }\nkafka: ${kafka}\n`);
  });
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const ends = async (topic: string): Promise<number> => {
    const offsets = await withAdmin(broker.bootstrap, (admin) => admin.fetchTopicOffsets(topic));
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };
  async function json(...args: string[]): Promise<Record<string, unknown>> {
    const by = args.includes('--config') ? [] : ['--config', config];
    const { code, stdout, stderr } = await restill([...args, ...by, '--json']);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  }
  const lines = (name: string): string[] =>
    gunzipSync(readFileSync(place(name)))
      .toString('utf8')
      .split('\n')
      .slice(0, -1);

  test('record writes what the topic holds, whole or in part', async () => {
    expect(await json('record', '--out', place('whole.gz'))).toMatchObject({ records: records.length });
    expect(lines('whole.gz').sort()).toEqual(recordingOf(records).split('\n').slice(0, -1).sort());
    const bounds = ['--from', '0:3,1:30', '--until', '0:5'];
    const part = records.filter(({ partition: p, offset }) =>
      p === 0 ? offset >= 3 && offset < 5 : offset >= 30,
    );
    expect(await json('record', '--out', place('part.gz'), ...bounds)).toMatchObject({
      records: part.length,
    });
    expect(lines('part.gz').sort()).toEqual(recordingOf(part).split('\n').slice(0, -1).sort());
    const middle = new Date(records[20]!.timestampMs).toISOString();
    const early = records.filter(({ timestampMs }) => timestampMs < records[20]!.timestampMs);
    expect(await json('record', '--out', place('early.gz'), '--until', middle)).toMatchObject({
      records: early.length,
    });
    const again = await restill(['record', '--out', place('part.gz'), '--config', config]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
  });

  test('check reads the judgments that have a topic: the newest of each', async () => {
    const said = (doc_id: string, grade: number) => JSON.stringify({ query: 'q', doc_id, title: 'T', grade });
    const judged = (offset: number, key: string, value: string | null) =>
      recordOf(offset % 2, offset >> 1, offset, { topic: 'judged', key, value });
    await createTopic(broker.bootstrap, 'judged', 2, { 'cleanup.policy': 'compact' });
    await produce(broker.bootstrap, [
      judged(0, 'a', said('a', 1)),
      judged(1, 'b', said('b', 2)),
      judged(2, 'a', null),
      judged(3, 'c', '{'),
    ]);
    const measured = place('judged.yaml');
    const kafka = JSON.stringify(quickly(broker.bootstrap));
    writeFileSync(measured, `topic: clicks\ntopics: { judgments: judged }\nkafka: ${kafka}\n`);
    const found = await json('check', '--broker', '--records', '4', '--config', measured);
    expect(found).toMatchObject({ judgedQueries: 1, judgmentsUnusable: 1 });
  });

  test('check shows partitions and what the newest records would teach, and commits nothing', async () => {
    const found = await json('check', '--broker', '--records', '40');
    expect(found.partitions).toEqual(
      [0, 1].map((partition) => {
        const high = records.filter((record) => record.partition === partition).length;
        return { topic: 'clicks', partition, low: 0, high, committed: null };
      }),
    );
    expect(found.counts).toMatchObject({ records: 40 });
    expect((found.counts as { groups: number }).groups).toBeGreaterThan(10);
    const groups = await withAdmin(broker.bootstrap, async (admin) => (await admin.listGroups()).groups);
    expect(groups.map(({ groupId }) => groupId)).not.toContain('restill');
  });

  test('dead letters are seen in file and topic, and go back as they came', async () => {
    expect(letters.length).toBeGreaterThan(1);
    writeFileSync(place('dead-letters.jsonl'), letters.map((letter) => `${formatLetter(letter)}\n`).join(''));
    const sender = await openLetterSender(testClient(broker.bootstrap), { topic: 'dead', reader: 'restill' });
    await sender.bury(letters);
    await sender.close();
    const inFile = await json('dead-letters', 'list', '--data', directory);
    const inTopic = await json('dead-letters', 'list', '--topic');
    expect(inFile.letters).toHaveLength(letters.length);
    expect(inTopic).toEqual(inFile);
    const before = await ends('clicks');
    const sent = await json('dead-letters', 'redrive', '--data', directory, '--reason', 'malformed');
    expect(sent).toEqual({ sent: letters.length, withoutPlace: 0 });
    expect(await ends('clicks')).toBe(before + letters.length);
    await json('record', '--out', place('after.gz'));
    const back = lines('after.gz').map((line) => JSON.parse(line) as { payload: string; headers?: unknown });
    expect(back.filter(({ payload }) => payload === '{')).toHaveLength(2 * letters.length);
    expect(back.some(({ headers }) => headers !== undefined)).toBe(false);
  });
});
