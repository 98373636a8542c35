// Events without texts in one topic, documents in another, compacted one, on a real Apache Kafka: recorded,
// read to its end or run and killed, both together come to one journal (promise 1); what compaction took out
// is no gap (promise 10); both topics are committed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/commands/report.ts';
import { parseConfig } from '../../src/config.ts';
import type { SourceRecord } from '../../src/contract.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { openLive, quickly } from '../support/broker/live.ts';
import { createTopic, produce, withAdmin } from '../support/broker/topic.ts';
import { readRecording, recordOf } from '../support/records.ts';
import { repository, restill } from '../support/restill.ts';
import { startRun, stopRun } from '../support/run-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-documents-'));
const tiny = readFileSync(join(repository, 'test/crash/replay.yaml'), 'utf8');
const place = (name: string): string => join(directory, name);
const hour = 3_600_000;

interface Shown {
  readonly doc_id: string;
  readonly title: string;
  readonly summary: string;
}

/** The page without its texts, which go into `texts`. */
function withoutTexts(record: SourceRecord, texts: Map<string, Shown>): SourceRecord {
  const page = parsed(record.value as string);
  if (!Array.isArray(page?.results)) return record;
  const results = (page.results as Shown[]).map((shown) => {
    texts.set(shown.doc_id, shown);
    const { title: _title, summary: _summary, ...reference } = shown;
    return reference;
  });
  return { ...record, value: JSON.stringify({ ...page, results }) };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    return null; // Some are malformed on purpose.
  }
}

/** What is written into the topic of documents, one list after the other, each into segments of its own. */
function writesOf(texts: ReadonlyMap<string, Shown>, fromMs: number, toMs: number): SourceRecord[][] {
  const known = [...texts.values()].sort((a, b) => (a.doc_id < b.doc_id ? -1 : 1));
  const write = (atMs: number, every: number, value: (shown: Shown) => string | null): SourceRecord[] =>
    known.flatMap((shown, index) => {
      const change = { topic: 'docs', key: shown.doc_id, value: value(shown) };
      return index % every === 0 ? [recordOf(index % 2, 0, atMs, change)] : [];
    });
  const said = ({ title, summary }: Shown, more = ''): string =>
    JSON.stringify({ title: title + more, summary });
  const at = (share: number): number => Math.round(fromMs + share * (toMs - fromMs));
  return [
    write(fromMs - 2 * hour, 1, (shown) => said(shown, ' once')),
    write(fromMs - hour, 1, (shown) => said(shown)),
    write(at(0.5), 5, (shown) => said(shown, ' anew')),
    write(at(0.8), 7, ({ doc_id }) => (doc_id.endsWith('1') ? '{' : null)),
  ];
}

/** After compaction: of all segments but the last only the newest copies. */
function compacted(writes: readonly (readonly SourceRecord[])[]): number {
  const closed = writes.slice(0, -1).flat();
  return new Set(closed.map(({ key }) => key)).size + writes.at(-1)!.length;
}

describe.skipIf(!canRunKafka())('documents in a topic of their own', { timeout: 480_000 }, () => {
  let broker: Broker;
  let config: string;
  let writes: SourceRecord[][];
  let halfway: string;

  const configure = (name: string, topics: object): string => {
    const file = place(`${name}.yaml`);
    const kafka = JSON.stringify(quickly(broker.bootstrap));
    const service = 'admin: { port: null }\nrun: { drain_deadline: 2m }';
    const read = `topic: clicks\ntopics: ${JSON.stringify(topics)}\nkafka: ${kafka}`;
    writeFileSync(file, `${tiny}\n${read}\n${service}\n`);
    return file;
  };
  async function report(...args: string[]): Promise<Report> {
    const { code, stdout, stderr } = await restill([...args, '--json']);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Report;
  }
  const outcome = ({ ingest, journalSha256, weightsSha256 }: Report) => ({
    ...{ ingest, journalSha256, weightsSha256 },
  });

  beforeAll(async () => {
    const shop = ['--impressions', '400', '--queries', '30', '--products', '120', '--users', '40'];
    const made = await restill([
      'simulate',
      '--out',
      place('shop'),
      '--partitions',
      '3',
      '--seed',
      '3',
      ...shop,
    ]);
    expect(made.code, made.stderr).toBe(0);
    const texts = new Map<string, Shown>();
    const events = readRecording(place('shop/clicks.jsonl.gz')).map((record) => withoutTexts(record, texts));
    const times = events.map(({ timestampMs }) => timestampMs);
    const [fromMs, toMs] = [Math.min(...times), Math.max(...times)];
    halfway = new Date((fromMs + toMs) / 2 + 1_000).toISOString();
    writes = writesOf(texts, fromMs, toMs);
    // Nobody kills it: it is not to be taken for dead on a busy machine.
    const properties = { 'log.cleaner.backoff.ms': 200, 'broker.session.timeout.ms': 18_000 };
    broker = await startBroker({ properties });
    await createTopic(broker.bootstrap, 'clicks', 3);
    const compact = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.001',
    };
    await createTopic(broker.bootstrap, 'docs', 2, compact);
    await produce(broker.bootstrap, events, { topic: 'clicks' });
    for (const write of writes) await produce(broker.bootstrap, write);
    config = configure('restill', { documents: 'docs' });
    await untilCompacted();
  }, 480_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Read as a topic of events, which it may be as well as any other. */
  async function untilCompacted(): Promise<void> {
    const kafka = quickly(broker.bootstrap);
    const reading = parseConfig({ topic: 'docs', kafka });
    for (let left = 60; ; left--) {
      const source = await openLive({
        config: reading,
        topic: 'docs',
        group: `looking${left}`,
        until: 'now',
      });
      let count = 0;
      for (let items = await source.read(0); items !== null; items = await source.read(0))
        count += items.length;
      await source.close();
      if (count === compacted(writes)) return;
      if (left === 0) throw new Error(`${count} documents, expected ${compacted(writes)}`);
      await pause(250);
    }
  }

  /** Partitions of which the group has committed something. */
  async function committed(): Promise<string[]> {
    const offsets = await withAdmin(broker.bootstrap, (admin) =>
      admin.fetchOffsets({ groupId: 'restill', topics: ['clicks', 'docs'] }),
    );
    return offsets
      .flatMap(({ topic, partitions }) =>
        partitions.filter(({ offset }) => Number(offset) > 0).map(({ partition }) => `${topic}/${partition}`),
      )
      .sort();
  }

  test('come to the journal of the recording, however often a run is killed', async () => {
    const file = place('both.jsonl.gz');
    await report('record', '--config', config, '--out', file);
    const expected = outcome(await report('replay', file, '--config', config, '--data', place('file')));
    expect(expected.ingest.documents).toBeGreaterThan(100);
    expect(expected.ingest.undocumented).toBeGreaterThan(0);
    expect(expected.ingest.groups).toBeGreaterThan(50);
    const data = place('live');
    for (const event of ['source.joined', 'generation.published']) {
      const run = startRun(config, data);
      await run.until(event);
      run.child.kill('SIGKILL');
      await run.ended;
    }
    const last = startRun(config, data);
    await last.until('source.joined');
    await stopRun(last);
    expect(await committed()).toEqual(['clicks/0', 'clicks/1', 'clicks/2', 'docs/0', 'docs/1']);
    const finish = ['replay', '--broker', '--config', config, '--data', data];
    expect(outcome(await report(...finish))).toEqual(expected);
    const letters = (name: string): string[] =>
      readFileSync(join(place(name), 'dead-letters.jsonl'), 'utf8')
        .split('\n')
        .sort();
    expect(letters('live')).toEqual(letters('file'));
    expect(letters('live').join()).toContain('"docs"');
  });

  test('are known from the beginning where that is wanted: the newest copies are left', async () => {
    const early = configure('early', { documents: 'docs', documents_known_before: halfway });
    const checked = async (...args: string[]) => {
      const found = await report('check', ...args);
      return (found as unknown as { readonly counts: Report['ingest'] }).counts;
    };
    const again = place('early.jsonl.gz');
    await report('record', '--config', early, '--out', again);
    const known = await checked(again, '--config', early);
    const all = ['--broker', '--records', '1000000'];
    expect(await checked(...all, '--config', early)).toEqual(known);
    const late = await checked(...all, '--config', config);
    expect(known.undocumented).toBeLessThan(late.undocumented / 2);
  });
});
