// How fast a recorded topic becomes a durable journal, beside merely decompressing the file and JSON-parsing
// its lines. usage: npm run bench:ingest [-- FILE] Rounds of both alternate in one process, so that what else
// the machine does hits both alike; figures are medians. The last line is a JSON object:
// ratios.journal_vs_parse is the time of the parsing over the time of the ingest (the aim is 0.5 or more),
// ratios.journal_vs_parse_cpu the same in processor time.
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { lastValueFrom } from 'rxjs';
import { parseConfig } from '../src/config.ts';
import { openDeadLetters } from '../src/streams/dead-letters.fs.ts';
import { openIngest } from '../src/streams/ingest.rx.ts';
import { openJournal } from '../src/streams/journal.lmdb.ts';
import { journalHost } from '../src/streams/journal-host.fs.ts';
import { openRecordedSource } from '../src/streams/recorded-source.fs.ts';
import { sharedFile } from '../test/support/shared.ts';

const rounds = Number(process.env.ROUNDS ?? 7);
const file = process.argv[2] ?? sharedFile('data/esci/clicks.jsonl.gz');
if (file === null) process.exit(0);

interface Round {
  readonly records: number;
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** What anybody would write who only wants to look at every record. */
async function parseOnly(path: string): Promise<number> {
  const bytes = createReadStream(path, { highWaterMark: 1 << 18 });
  const text = path.endsWith('.gz') ? bytes.pipe(createGunzip({ chunkSize: 1 << 18 })) : bytes;
  let records = 0;
  for await (const line of createInterface({ input: text })) {
    JSON.parse(line);
    records++;
  }
  return records;
}

async function ingest(path: string, directory: string): Promise<number> {
  const config = parseConfig({});
  const journal = openJournal(join(directory, 'journal'), { config, host: journalHost });
  const source = await openRecordedSource([path], config.records);
  const deadLetters = await openDeadLetters(join(directory, 'dead-letters.jsonl'), 0);
  const done = await lastValueFrom(openIngest({ config, source, journal, deadLetters }).progress$);
  await Promise.all([source.close(), deadLetters.close(), journal.close()]);
  return done.counts.records;
}

type Work = (path: string, directory: string) => Promise<number>;

async function measure(work: Work, path: string): Promise<Round> {
  const directory = mkdtempSync(join(tmpdir(), 'restill-bench-'));
  const start = performance.now();
  const cpu = process.cpuUsage();
  const records = await work(path, directory);
  const { user, system } = process.cpuUsage(cpu);
  const round = { records, wallMs: performance.now() - start, cpuMs: (user + system) / 1000 };
  rmSync(directory, { recursive: true });
  return round;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
const medianOf = (all: readonly Round[], of: (round: Round) => number): number => median(all.map(of));
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

const parsed: Round[] = [];
const journalled: Round[] = [];
const memory: { rssMiB: number; heapMiB: number }[] = [];
for (let round = 0; round < rounds; round++) {
  parsed.push(await measure(parseOnly, file));
  journalled.push(await measure(ingest, file));
  const { rss, heapUsed } = process.memoryUsage();
  memory.push({ rssMiB: mebibytes(rss), heapMiB: mebibytes(heapUsed) });
  const [p, j, m] = [parsed.at(-1)!, journalled.at(-1)!, memory.at(-1)!];
  console.log(
    `round ${round + 1}: parse ${p.wallMs.toFixed(0)} ms (cpu ${p.cpuMs.toFixed(0)}), ` +
      `journal ${j.wallMs.toFixed(0)} ms (cpu ${j.cpuMs.toFixed(0)}), ` +
      `rss ${m.rssMiB} MiB, heap ${m.heapMiB} MiB`,
  );
}
const rate = (all: readonly Round[]): number =>
  Math.round(medianOf(all, (r) => (1000 * r.records) / r.wallMs));
const ratio = (of: (round: Round) => number): number =>
  Number(median(parsed.map((p, i) => of(p) / of(journalled[i]!))).toFixed(3));
console.log(
  JSON.stringify({
    benchmark: 'ingest',
    file,
    rounds,
    records: journalled[0]!.records,
    recordsPerSecond: { parse: rate(parsed), journal: rate(journalled) },
    ratios: { journal_vs_parse: ratio((r) => r.wallMs), journal_vs_parse_cpu: ratio((r) => r.cpuMs) },
    memory,
  }),
);
