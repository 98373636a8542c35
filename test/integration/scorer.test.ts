// Two builders, a scorer and a trainer with a remote teacher come to what one process with role `all` comes
// to: the same groups, labels and student. Labels from the scorer save the trainer requests, and change no
// bit (promise 2, decision 15). On a real Apache Kafka.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Manifest, SourceRecord } from '../../src/contract.ts';
import { errorTable } from '../../src/errors.ts';
import { hashUnit } from '../../src/hash.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { quickly } from '../support/broker/live.ts';
import { createTopic, produce, untilGroupCommitted } from '../support/broker/topic.ts';
import { readRecording } from '../support/records.ts';
import { repository, restill } from '../support/restill.ts';
import { type RunProcess, startRun, stopRun } from '../support/run-process.ts';
import { journalOf, labelsOf } from '../support/run-results.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-scorer-'));
const place = (name: string): string => join(directory, name);

/** Speaks vLLM; grades by a hash. Keeps what was asked with each token. */
function openGrader() {
  const asked = new Map<string, string[]>();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/v1/models') return response.end('{"data":[{"id":"grader"}]}');
      const { text_1, text_2 } = JSON.parse(Buffer.concat(chunks).toString()) as {
        text_1: string;
        text_2: string[];
      };
      const who = (request.headers.authorization ?? '').replace('Bearer ', '');
      asked.set(who, [...(asked.get(who) ?? []), ...text_2.map((text) => `${text_1}\n${text}`)]);
      const data = text_2.map((text, index) => ({ index, score: hashUnit(`${text_1}\n${text}`, 1) }));
      return response.end(JSON.stringify({ data }));
    });
  });
  return { server, asked };
}

describe.skipIf(!canRunKafka())('a scorer', { timeout: 480_000 }, () => {
  let broker: Broker;
  let records: SourceRecord[];
  const { server, asked } = openGrader();
  const running = new Set<RunProcess>();
  const tiny = parse(readFileSync(join(repository, 'test/crash/replay.yaml'), 'utf8')) as object;

  const configure = (name: string, roles: object): string => {
    const file = place(`${name}.yaml`);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { teacher, journal, ...rest } = tiny as { teacher: object; journal: object };
    const remote = { url, api: 'vllm', token: { env: 'RESTILL_TEST_GRADER' } };
    const settings = {
      ...rest,
      teacher: { ...teacher, kind: 'remote', remote },
      journal: { ...journal, ring_max: 2_000 },
      watermark: { idle_timeout: '30d' },
      admin: { port: null },
      topic: 'clicks',
      // A machine that is busy with other things must not decide about the order (live-order.ts, 3).
      kafka: quickly(broker.bootstrap, { group: name, idle_timeout: '2m' }),
      roles,
    };
    writeFileSync(file, JSON.stringify(settings));
    return file;
  };
  /** A process that calls itself `data` where it asks for grades. */
  const start = (config: string, data: string, role: string): RunProcess => {
    process.env.RESTILL_TEST_GRADER = data;
    const run = startRun(config, place(data), ['--role', role]);
    running.add(run);
    return run;
  };
  const first = (data: string): Manifest =>
    JSON.parse(readFileSync(place(`${data}/generations/g000001/manifest.json`), 'utf8')) as Manifest;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const shop = ['--impressions', '900', '--queries', '30', '--products', '120', '--users', '40'];
    const made = await restill(['simulate', '--out', place('shop'), '--seed', '3', ...shop]);
    expect(made.code, made.stderr).toBe(0);
    records = readRecording(place('shop/clicks.jsonl.gz'));
    broker = await startBroker();
    await createTopic(broker.bootstrap, 'clicks', 3);
    await produce(broker.bootstrap, records, { topic: 'clicks' });
  }, 240_000);
  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    server.close();
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What the teacher was asked by a process that calls itself so, each pair once. */
  const pairs = (data: string): ReadonlySet<string> => new Set(asked.get(data));

  test('with two builders and a trainer comes to the groups, labels and student of role all', async () => {
    const whole = configure('alone', {});
    const all = start(whole, 'all', 'all');
    await all.until('generation.published');
    const expected = await journalOf(whole, place('all'), (_, taken) => taken === records.length);
    await stopRun(all);
    const roles = configure('split', { groups: 'restill.groups', labels: 'restill.labels' });
    const scorer = start(roles, 'scorer', 'scorer');
    const builders = ['first', 'second'].map((name) => start(roles, name, 'builder'));
    await Promise.all([scorer, ...builders].map((run) => run.until('source.joined')));
    // What is handed over while the trainer reads is taken as it arrives (decision 15).
    await untilGroupCommitted(broker.bootstrap, { group: 'split', topic: 'clicks', count: records.length });
    const trainer = start(roles, 'trainer', 'trainer');
    await trainer.until('generation.published');
    const found = await journalOf(roles, place('trainer'), (groups) => groups >= expected.high);
    await Promise.all([trainer, scorer, ...builders].map(stopRun));

    expect(expected.high).toBeGreaterThan(500);
    expect(found.high).toBe(expected.high);
    expect(found.contentHash).toBe(expected.contentHash);
    const labels = labelsOf(place('all'), 'g000001');
    expect(labels.length).toBeGreaterThan(100);
    expect(labelsOf(place('trainer'), 'g000001')).toEqual(labels);
    expect(first('trainer').weightsSha256).toEqual(first('all').weightsSha256);

    // The scorer's were used: of what the trainer did not ask itself, the scorer had asked everything.
    const ahead = [...pairs('all')].filter((pair) => !pairs('trainer').has(pair));
    expect(ahead.length).toBeGreaterThan(0);
    expect(ahead.filter((pair) => !pairs('scorer').has(pair))).toEqual([]);
  });

  test('without the token that it needs it ends, and says so', async () => {
    const config = configure('tokenless', { groups: 'restill.groups', labels: 'restill.labels' });
    delete process.env.RESTILL_TEST_GRADER;
    const scorer = startRun(config, place('tokenless'), ['--role', 'scorer']);
    running.add(scorer);
    const { code, stderr } = await scorer.ended;
    expect(stderr).toMatch(/restill: SECRET_UNREADABLE: .*RESTILL_TEST_GRADER/);
    expect(code).toBe(errorTable.SECRET_UNREADABLE.exit);
  });
});
