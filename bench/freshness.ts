// How long a click takes to be in the model that serves. usage: npm run bench:freshness [-- --rate 200]
// [--minutes 5] [--snapshot-groups 2500] [--window 30]. Needs Java and Maven. `restill run` with the demo's
// models reads a topic into which a simulated shop sends `rate` events a second. A click is live when the
// first generation is published and promoted that has learnt from its group; its age is the time since its
// broker timestamp. Training is data-clocked, so the configured interval between snapshots is a number of
// groups: what it comes to in seconds at this rate is figured out and printed beside what was measured. A
// page stays open for `window` seconds of event time: no click can be live before. The last line is a JSON
// object; ratios.freshness_vs_interval is the median age over the seconds of the configured interval.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../src/checkpoint/store.fs.ts';
import { systemClock } from '../src/clock.ts';
import type { Config } from '../src/config.ts';
import { isEvent, openDecoder } from '../src/streams/decode.ts';
import { journalHost } from '../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../src/streams/journal-reader.lmdb.ts';
import { startBroker } from '../test/support/broker/broker.ts';
import { createTopic } from '../test/support/broker/topic.ts';
import { Ages } from './broker/ages.ts';
import { type LogLine, startService } from './broker/service.ts';
import { sendTraffic } from './broker/traffic.ts';
import { machine } from './speed/bench.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '5' },
    'snapshot-groups': { type: 'string', default: '2500' },
    window: { type: 'string', default: '30' },
  },
});
const seconds = 60 * Number(values.minutes);
const snapshotGroups = Number(values['snapshot-groups']);
const windowSeconds = Number(values.window);
const topic = 'clicks';
const directory = mkdtempSync(join(tmpdir(), 'restill-bench-'));
const broker = await startBroker();
try {
  await createTopic(broker.bootstrap, topic, 3);
  console.log(JSON.stringify({ benchmark: 'freshness', ...(await observe(broker.bootstrap)), ...machine() }));
} finally {
  await broker.stop();
  rmSync(directory, { recursive: true });
}

async function observe(bootstrap: string): Promise<Record<string, unknown>> {
  const ages = new Ages();
  const published: LogLine[] = [];
  let looking: Promise<void> = Promise.resolve();
  const settings = { bootstrap, topic, snapshotGroups, windowSeconds };
  const service = await startService(settings, directory, (line) => {
    if (line.level === 'error') console.error(JSON.stringify(line));
    if (line.event !== 'generation.published') return;
    published.push(line);
    looking = looking.then(() => look(service.config, line, ages));
  });
  const decode = openDecoder(service.config);
  const eventsPerSecond = Number(values.rate);
  const startMs = systemClock.now() + 15_000; // The service has started by then.
  const sent = await sendTraffic({ bootstrap, topic, eventsPerSecond, seconds, startMs }, (record) => {
    const event = decode(record);
    if (isEvent(event) && event.kind === 'click') ages.clicked(event.impressionId, record.timestampMs);
  });
  await service.stop();
  await looking;
  const groups = await withJournal(service.config, (journal) => journal.status().high);
  return { sent, seconds, windowSeconds, ...figures(ages, published, groups) };
}

/** What a generation that has just been published has learnt. */
async function look(config: Config, line: LogLine, ages: Ages): Promise<void> {
  const { decision } = line.gate as { decision: string };
  const generations = join(directory, 'data', 'generations');
  const store = await openStore({
    directory: generations,
    clock: systemClock,
    access: 'read',
    onUnusable: () => {},
  });
  const manifest = (await store.list()).find(({ id }) => id === line.id);
  if (manifest === undefined || !manifest.scheduled) return;
  const groups = await withJournal(config, (journal) => {
    const { low, high } = journal.status();
    return journal.read(Math.max(low, ages.cursor), Math.min(high, manifest.cursor));
  });
  ages.learnt(groups, manifest.cursor);
  if (decision === 'PROMOTE') ages.live(Date.parse(line.time));
  console.log(`${line.id} ${decision} at group ${manifest.cursor}: ${ages.summary()}`);
}

async function withJournal<T>(
  config: Config,
  work: (journal: ReturnType<typeof openJournalReader>) => T,
): Promise<T> {
  const journal = openJournalReader(join(directory, 'data', 'journal'), { config, host: journalHost });
  try {
    return work(journal);
  } finally {
    await journal.close();
  }
}

function figures(ages: Ages, published: readonly LogLine[], groups: number): Record<string, unknown> {
  const times = published.map(({ time }) => Date.parse(time) / 1000);
  const between = times.slice(1).map((time, i) => time - times[i]!);
  const groupsPerSecond = groups / seconds;
  const configured = snapshotGroups / groupsPerSecond;
  const { median, p90, max } = ages.seconds();
  const rounded = (value: number): number => Number(value.toFixed(2));
  return {
    groupsPerSecond: rounded(groupsPerSecond),
    snapshotEvery: {
      groups: snapshotGroups,
      seconds: rounded(configured),
      measuredSeconds: between.map(rounded),
    },
    clicksLive: ages.count,
    freshnessSeconds: { median: rounded(median), p90: rounded(p90), max: rounded(max) },
    ratios: { freshness_vs_interval: rounded(median / configured) },
  };
}
