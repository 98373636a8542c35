// npm run screenshots: pictures of the console for docs/console.md, of a small run on a simulated shop. The
// run is made once, in demo-run/console (some minutes), and found there afterwards.
//
// `restill run` needs a broker; here its console is shown over the journal, the generations and the log that
// a replay left, by the same code.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { generationsIn } from '../src/checkpoint/generation.ts';
import { openStore } from '../src/checkpoint/store.fs.ts';
import { systemClock } from '../src/clock.ts';
import { readConfigFile } from '../src/commands/config-file.ts';
import { type Operations, openOperations } from '../src/commands/operations.ts';
import type { TurnReport } from '../src/protocol.ts';
import { openJournal } from '../src/streams/journal.lmdb.ts';
import { journalHost } from '../src/streams/journal-host.fs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const home = join(root, 'demo-run/console');
const [shop, data, settings] = ['shop', 'data', 'restill.yaml'].map((name) => join(home, name)) as [
  string,
  string,
  string,
];
const restill = join(root, 'bin/restill');

const yaml = `seed: 1
holdout: { share: 0.2 }
turns: { groups: 900, snapshot_every: 1 }
journal: { ring_max: 20000 }
vocabulary: { size: 1500, groups: 500 }
teacher: { layers: 2, hidden: 128, heads: 4, key_value_heads: 2, intermediate: 352, tokens_max: 48 }
student: { layers: 2, hidden: 128, heads: 4, intermediate: 512, tokens_max: 48 }
pretrain: { batch: 32, steps_max: 20 }
finetune: { batch: 64, steps_max: 80 }
distill: { batch: 32, steps_max: 120, learning_rate: 8.0e-4 }
checkpoint: { keep: 12 }
evaluation:
  queries: ./shop/queries.jsonl
  documents: ./shop/documents.jsonl
  judgments: ./shop/judgments.tsv
  groups_max: 100
admin: { port: 0, token: { env: RESTILL_OPERATOR_TOKEN } }
serve: { port: 0, candidate: true }
`;

const desktop = { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1.25 };
const phone = {
  context: { viewport: { width: 390, height: 844 }, isMobile: true, deviceScaleFactor: 1.5 },
  heightMax: 1800,
};

process.env.RESTILL_OPERATOR_TOKEN = 'for the pictures';
makeRun();
const browser = await chromium.launch({
  executablePath: process.env.RESTILL_CHROMIUM ?? found('chromium'),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  await pictureRun(browser);
  await pictureServe(browser);
} finally {
  await browser.close();
}

/** With events up to yesterday, so that the console shows the freshness of a run that is under way. */
function makeRun(): void {
  if (existsSync(join(data, 'report.json'))) return;
  mkdirSync(home, { recursive: true });
  writeFileSync(settings, yaml);
  const week = 7 * 86_400_000;
  const start = new Date(systemClock.now() - week).toISOString().slice(0, 10);
  if (!existsSync(join(shop, 'truth.json')))
    command('simulate', '--out', shop, '--seed', '1', '--impressions', '9000', '--start', start, '--force');
  command('replay', join(shop, 'clicks.jsonl.gz'), '--config', settings, '--data', data);
}

function command(...args: string[]): void {
  const { status } = spawnSync(process.execPath, [restill, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function found(name: string): string {
  const { stdout, status } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new Error(`no ${name}: install it, or name it in RESTILL_CHROMIUM`);
}

async function pictureRun(browser: Browser): Promise<void> {
  const { config } = readConfigFile(settings);
  const journal = openJournal(join(data, 'journal'), { config, host: journalHost });
  const log = { info: () => {}, error: () => {} };
  const status = journal.status();
  const partitions = Object.entries(status.offsets)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, next]) => {
      const [topic = '', partition] = name.split('/');
      return { topic, partition: Number(partition), next, high: next, bytes: 0, paused: false };
    });
  const operations = await openOperations({
    config,
    data,
    log,
    version: version(),
    partitions: () => partitions,
  });
  try {
    await relive(operations, { ...status, partitions });
    const { address } = operations;
    await picture(browser, { name: 'light', url: `${address}/console/`, colorScheme: 'light' });
    await picture(browser, { name: 'phone', url: `${address}/console/`, colorScheme: 'light', ...phone });
  } finally {
    await operations.close();
    await journal.close();
  }
}

type Status = ReturnType<ReturnType<typeof openJournal>['status']>;
type Left = Status & {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
};

/** What the run told its console while it learnt: from the journal, and from the turns in its log. */
async function relive(operations: Operations, left: Left): Promise<void> {
  const directory = join(data, 'generations');
  const store = await openStore({ directory, clock: systemClock, access: 'read', onUnusable: () => {} });
  const newest = (await store.list()).at(-1)!;
  const { to: newestMs } = newest.lineage.eventTimeMs;
  const clocks = left.partitions.map((at) => ({ ...at, newestMs, watermarkMs: newestMs }));
  operations.follow({ kind: 'state', state: 'TRAINING' });
  operations.follow({
    kind: 'ingest',
    progress: { status: left, counts: left.counts, clocks, bytesRead: 0, bytesTotal: 0 },
  });
  const generation = generationsIn([newest.id])[0] ?? null;
  const { cursor } = newest;
  operations.follow({
    kind: 'trainer',
    message: { kind: 'ready', cursor, retireTo: cursor, generation, pid: process.pid },
  });
  for (const report of turns()) operations.follow({ kind: 'trainer', message: { kind: 'turn', report } });
}

function turns(): TurnReport[] {
  const lines = readFileSync(join(data, 'restill.log'), 'utf8').trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as TurnReport & { event: string })
    .filter(({ event }) => event === 'turn.finished');
}

async function pictureServe(browser: Browser): Promise<void> {
  const serve = spawn(process.execPath, [restill, 'serve', '--data', data, '--config', settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const address = await listening(serve);
    const url = `${address}/console/`;
    await picture(browser, { name: 'dark', url, colorScheme: 'dark', first: (page) => tryIt(page) });
  } finally {
    serve.kill();
  }
}

/** Both the live generation and the candidate take a moment to load. */
async function listening(serve: ChildProcess): Promise<string> {
  let address = '';
  let loaded = 0;
  for await (const line of createInterface({ input: serve.stdout! })) {
    const { event, ...said } = JSON.parse(line) as { event: string; address?: string };
    if (event === 'serve.listening') address = said.address!;
    if (event === 'serve.live' || event === 'serve.candidate') loaded++;
    if (address !== '' && loaded === 2) return address;
  }
  throw new Error('restill serve has ended; what it said stands above');
}

/** A judged query of the shop, with good and bad documents. */
async function tryIt(page: Page): Promise<void> {
  const lines = (name: string): string[] => readFileSync(join(shop, name), 'utf8').trim().split('\n');
  const rows = lines('judgments.tsv').map((line) => line.split('\t'));
  const judged = rows.filter(([id]) => id === 'q0001');
  const graded = (wanted: (grade: number) => boolean, most: number) =>
    judged.filter(([, , grade]) => wanted(Number(grade))).slice(0, most);
  const titles = new Map(
    lines('documents.jsonl').map((line) => {
      const { doc_id, title } = JSON.parse(line) as { doc_id: string; title: string };
      return [doc_id, title];
    }),
  );
  const query = (JSON.parse(lines('queries.jsonl')[0]!) as { query: string }).query;
  const some = [...graded((grade) => grade === 0, 4), ...graded((grade) => grade > 0, 4)];
  await page.getByLabel('Query').fill(query);
  await page
    .getByLabel('Documents, one a line')
    .fill(some.map(([, id = '']) => titles.get(id) ?? id).join('\n'));
  await page.getByRole('button', { name: 'Rank' }).click();
  await page.locator('.ranking').nth(1).waitFor();
}

interface Picture {
  readonly name: string;
  readonly url: string;
  readonly colorScheme: 'light' | 'dark';
  readonly context?: BrowserContextOptions;
  readonly heightMax?: number;
  readonly first?: (page: Page) => Promise<void>;
}

async function picture(browser: Browser, wanted: Picture): Promise<void> {
  const { name, url, colorScheme, context = desktop, heightMax, first } = wanted;
  const page = await browser.newPage({ ...context, colorScheme, reducedMotion: 'reduce' });
  await page.goto(url);
  await page.locator('.chart canvas').waitFor();
  await page.locator('.facts').waitFor();
  await first?.(page);
  const width = context.viewport?.width ?? 0;
  const path = join(root, `docs/images/console-${name}.png`);
  await page.screenshot({
    path,
    fullPage: true,
    ...(heightMax && { clip: { x: 0, y: 0, width, height: heightMax } }),
  });
  await page.close();
  process.stdout.write(`${path.slice(root.length)}\n`);
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
