// `restill run` on a real Apache Kafka while everything around it fails, 37 faults in a run, of eleven kinds.
// 1. Every event has its effect exactly once, whatever was killed, cut off, sent twice or moved (promise 1).
// 2. Every record that cannot be decoded is in the dead letters: in the file once, in the topic at least once
//    (promise 9).
// 3. Nothing hangs: after each fault what was produced is durable within the deadlines of the configuration,
//    and the trainer is up again.
// What comes when follows from RESTILL_CHAOS_SEED; RESTILL_CHAOS_ROUNDS makes the run longer,
// RESTILL_CHAOS_LOG tells what it does. What hangs is named, with how things stand.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Config, parseConfig } from '../../src/config.ts';
import type { IngestCounts, SourceRecord } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { openLive, quickly } from '../support/broker/live.ts';
import { type BrokerProxy, openProxy } from '../support/broker/proxy.ts';
import { createTopic } from '../support/broker/topic.ts';
import { Daemon } from '../support/chaos/daemon.ts';
import { Feed } from '../support/chaos/feed.ts';
import { broughtToItsEnd, lettersIn, undisturbed } from '../support/chaos/outcome.ts';
import { planChaos } from '../support/chaos/schedule.ts';
import { Stage } from '../support/chaos/stage.ts';
import { readRecording } from '../support/records.ts';
import { repository, restill } from '../support/restill.ts';

/** The one that found a daemon that was done and did not leave. */
const seed = Number(process.env.RESTILL_CHAOS_SEED ?? 36_384);
const rounds = Number(process.env.RESTILL_CHAOS_ROUNDS ?? 1);
const partitions = { first: 3, added: 2 };
const sessionMs = 3_000;

const directory = mkdtempSync(join(tmpdir(), 'restill-chaos-'));
const place = (name: string): string => join(directory, name);
const recording = place('shop/clicks.jsonl.gz');

/** What must be as in a run that nothing disturbs. */
const effects = ({
  groups,
  holdoutGroups,
  pairs,
  preferences,
  corrected,
  orphans,
  unclicked,
}: IngestCounts) => ({
  ...{ groups, holdoutGroups, pairs, preferences, corrected, orphans, unclicked },
});

describe.skipIf(!canRunKafka())('restill run among faults', () => {
  let broker: Broker;
  let proxy: BrokerProxy;
  let daemon: Daemon | null = null;
  let records: SourceRecord[];

  beforeAll(async () => {
    const sizes = ['--impressions', '1200', '--queries', '60', '--products', '200', '--users', '80'];
    const faults = ['--malformed-rate', '0', '--duplicate-share', '0', '--bot-pages', '0'];
    const options = ['--seed', '7', '--partitions', `${partitions.first + partitions.added}`];
    const made = await restill(['simulate', '--out', place('shop'), ...options, ...sizes, ...faults]);
    expect(made.code, made.stderr).toBe(0);
    records = readRecording(recording);
    proxy = await openProxy();
    broker = await startBroker({
      listeners: { PROXY: 'PLAINTEXT' },
      advertised: { PROXY: proxy.address },
    });
    proxy.aim(broker.address('PROXY'));
    await createTopic(broker.bootstrap, 'clicks', partitions.first);
    await createTopic(broker.bootstrap, 'dead', 1);
  });
  afterAll(async () => {
    await daemon?.kill();
    await proxy?.close();
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** As in the file, with a connection that is `to`. */
  const configure = (to: string): { raw: object; config: Config } => {
    const session = { session_timeout: `${sessionMs}ms`, request_timeout: '3s', group: 'chaos' };
    const kafka = quickly(to, { ...session, dead_letters: 'dead' });
    const written = parse(readFileSync(join(repository, 'test/integration/chaos.yaml'), 'utf8')) as object;
    const raw = { ...written, kafka };
    return { raw, config: parseConfig(raw) };
  };

  /** Values in the topic of dead letters. */
  async function lettersInTopic(config: Config): Promise<Set<string>> {
    const source = await openLive({ config, topic: 'dead', until: 'now', group: 'undertaker' });
    const values = new Set<string>();
    for (let items = await source.read(0); items !== null; items = await source.read(0))
      for (const item of items) {
        const record = 'open' in item ? item.open() : item;
        if ('value' in record) values.add(String(record.value));
      }
    await source.close();
    return values;
  }

  test('loses nothing, takes nothing twice, and hangs nowhere', {
    timeout: rounds * 600_000 + 60_000,
  }, async () => {
    const plan = planChaos({ seed, rounds, partitionsAdded: partitions.added, sessionMs });
    expect(plan.length).toBeGreaterThanOrEqual(30);
    const { raw, config } = configure(proxy.address);
    writeFileSync(place('restill.yaml'), JSON.stringify(raw));
    const data = place('data');
    daemon = new Daemon(['--config', place('restill.yaml'), '--data', data]);
    // A third of it to begin with: the trainer wants a vocabulary before it is up.
    const opening = plan.length;
    const feed = new Feed(records, 3 * plan.length, randomFor(seed, 'feed'));
    const stage = new Stage({ broker, proxy, daemon, feed, config, data, partitions: partitions.first });
    const faults = async (): Promise<void> => {
      daemon!.start();
      for (let at = 0; at < opening; at += 10) await stage.feed(10);
      await stage.settle();
      for (const { fault, settle } of plan) {
        if (process.env.RESTILL_CHAOS_LOG) console.log(new Date().toISOString(), fault, settle);
        await stage.bounded(`the fault ${JSON.stringify(fault)}`, stage.suffer(fault));
        if (settle) await stage.settle();
      }
      while (feed.hasMore()) await stage.feed(10);
      await stage.settle();
      await stage.trainerUp();
    };
    await stage.bounded(`all that seed ${seed} has planned`, faults(), rounds * 480_000);
    const ended = await stage.bounded('the daemon stops', daemon.stop());
    expect(ended, JSON.stringify(daemon.log().slice(-20))).toMatchObject({ code: 0 });
    expect(daemon.failure).toBeNull();
    await stage.close();

    const direct = configure(broker.bootstrap).config;
    const expected = await undisturbed(recording, config);
    const outcome = await stage.bounded('the topic is read to its end', broughtToItsEnd(data, direct));
    expect(outcome.groups).toEqual(expected.groups);
    expect(effects(outcome.counts)).toEqual(effects(expected.counts));
    expect(outcome.counts).toMatchObject({
      records: records.length + feed.poison.length + feed.repeated,
      malformed: feed.poison.length,
      duplicates: feed.repeated,
    });
    expect(lettersIn(data).sort()).toEqual([...feed.poison].sort());
    const letters = await stage.bounded('the dead letters are read', lettersInTopic(direct));
    expect(letters).toEqual(new Set(feed.poison));
  });
});
