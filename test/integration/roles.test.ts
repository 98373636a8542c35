// Two builders, one of them killed and started again, and a trainer come to the journal that one process with
// role `all` comes to: the same groups in the same order (promise 1, decision 15). On a real Apache Kafka.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigResourceTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { errorTable } from '../../src/errors.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { quickly } from '../support/broker/live.ts';
import { createTopic, produce, untilGroupCommitted, withAdmin } from '../support/broker/topic.ts';
import { readRecording } from '../support/records.ts';
import { restill } from '../support/restill.ts';
import { type RunProcess, startRun, stopRun } from '../support/run-process.ts';
import { journalOf } from '../support/run-results.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-roles-'));
const place = (name: string): string => join(directory, name);

/** Every rule of the whole stream is on; nothing is trained: it is about groups. */
const settings = {
  watermark: { idle_timeout: '30d' },
  privacy: { users_min: 2 },
  journal: { ring_max: 20_000, transaction_records: 60 },
  vocabulary: { groups: 20_000 },
  admin: { port: null },
  run: { drain_deadline: '2m' },
  topic: 'clicks',
};

describe.skipIf(!canRunKafka())('roles', { timeout: 480_000 }, () => {
  let broker: Broker;
  let records: SourceRecord[];
  const running = new Set<RunProcess>();

  const configure = (name: string, more: Readonly<Record<string, unknown>> = {}): string => {
    const file = place(`${name}.yaml`);
    // A machine that is busy with other things must not decide about the order (live-order.ts, 3).
    const patience = { idle_timeout: '2m' };
    const kafka = quickly(broker.bootstrap, { group: name, commit_every: '50ms', ...patience });
    writeFileSync(file, JSON.stringify({ ...settings, kafka, ...more }));
    return file;
  };
  const start = (config: string, data: string, role: string): RunProcess => {
    const run = startRun(config, place(data), ['--role', role]);
    running.add(run);
    return run;
  };

  const untilCommitted = (group: string, count: number): Promise<void> =>
    untilGroupCommitted(broker.bootstrap, { group, topic: 'clicks', count });

  const settingOf = (topic: string, name: string): Promise<string | undefined> =>
    withAdmin(broker.bootstrap, async (admin) => {
      const asked = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] };
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [asked] });
      return resources[0]?.configEntries[0]?.configValue;
    });

  beforeAll(async () => {
    const shop = ['--impressions', '3000', '--queries', '60', '--products', '200', '--users', '200'];
    const made = await restill(['simulate', '--out', place('shop'), '--seed', '5', ...shop]);
    expect(made.code, made.stderr).toBe(0);
    records = readRecording(place('shop/clicks.jsonl.gz'));
    broker = await startBroker();
    await createTopic(broker.bootstrap, 'clicks', 3);
  }, 240_000);
  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('two builders, one killed and started again, and a trainer do what role all does', async () => {
    const send = (from: number, to: number) =>
      produce(broker.bootstrap, records.slice(from, to), { topic: 'clicks' });
    const third = Math.floor(records.length / 3);
    await send(0, third);
    const roles = configure('roles');
    const first = start(roles, 'first', 'builder');
    const second = start(roles, 'second', 'builder');
    await Promise.all([first.until('source.joined'), second.until('source.joined')]);
    await untilCommitted('roles', third);
    const rest = (async () => {
      for (let from = third; from < records.length; from += 100) {
        await send(from, from + 100);
        await pause(10);
      }
    })();
    await untilCommitted('roles', third + 500);
    second.child.kill('SIGKILL');
    const again = start(roles, 'second', 'builder');
    await again.until('source.joined');
    await rest;
    await untilCommitted('roles', records.length);
    await Promise.all([first, again].map(stopRun));
    const built = [first, second, again].map((run) =>
      run.log().filter(({ event }) => event === 'source.joined'),
    );

    const all = configure('all');
    const whole = start(all, 'all', 'all');
    const trainer = start(roles, 'trainer', 'trainer');
    const expected = await journalOf(all, place('all'), (_, taken) => taken === records.length);
    const enough = (count: number): boolean => count >= expected.groups.length;
    const { groups, contentHash } = await journalOf(roles, place('trainer'), enough);
    await Promise.all([whole, trainer].map(stopRun));

    // Each had partitions, and lost or got some while records came.
    expect(built.flat().length).toBeGreaterThan(3);
    expect(expected.groups.length).toBeGreaterThan(500);
    expect(groups).toEqual(expected.groups);
    expect(contentHash).toBe(expected.contentHash);
    expect(await settingOf('restill.state', 'cleanup.policy')).toBe('compact');
    expect(await settingOf('restill.state', 'segment.bytes')).toBe(`${32 * 1024 * 1024}`);
  });

  test('a topic between them that is not as it must be is refused', async () => {
    await createTopic(broker.bootstrap, 'narrow', 1);
    const config = configure('narrow', { roles: { pages: 'narrow' } });
    const { code, stderr } = await start(config, 'narrow', 'builder').ended;
    expect(stderr).toMatch(/restill: TOPIC_UNSUITED: .*1 partitions, expected at least 3/);
    expect(code).toBe(errorTable.TOPIC_UNSUITED.exit);
  });

  test('a builder and a trainer do not share a data directory', async () => {
    const config = configure('apart', { roles: { pages: 'apart.pages', state: 'apart.state' } });
    const builder = start(config, 'apart', 'builder');
    await builder.until('source.joined');
    const beside = await start(config, 'apart', 'trainer').ended;
    expect(beside.stderr).toMatch(/restill: JOURNAL_LOCKED: another process uses/);
    expect(beside.code).toBe(errorTable.JOURNAL_LOCKED.exit);
    await stopRun(builder);
    const after = await start(config, 'apart', 'trainer').ended;
    expect(after.stderr).toMatch(/restill: JOURNAL_FOREIGN: .* holds the dead letters of a builder/);
  });

  test('of two trainers the second one leaves, and the first one goes on', async () => {
    const config = configure('alone', { roles: { pages: 'alone.pages', state: 'alone.state' } });
    const first = start(config, 'alone', 'trainer');
    await first.until('source.joined');
    const { code, stderr } = await start(config, 'second-trainer', 'trainer').ended;
    expect(stderr).toMatch(/restill: GROUP_SHARED: .* of 3 partitions/);
    expect(code).toBe(errorTable.GROUP_SHARED.exit);
    await first.until('source.joined', 2);
    await stopRun(first);
  });
});
