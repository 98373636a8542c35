// `restill serve` on a student of random weights, as a side of the benchmark: a process of its own, asked
// over HTTP.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/config.ts';
import type { GenerationId } from '../../src/contract.ts';
import { type ServeProcess, startServe } from '../../test/support/serve-process.ts';
import { promote, snapshotAt, storeAt } from '../../test/support/snapshots.ts';
import type { RankRequest } from './requests.ts';

export interface Service {
  readonly generations: readonly GenerationId[];
  setLive(id: GenerationId): Promise<void>;
  readonly log: ServeProcess['log'];
  readonly logged: ServeProcess['logged'];
  /** Of the server and of what scores for it. */
  residentMiB(): number;
  /** Seconds of one request, and its scores in the order of the documents. */
  ask(request: RankRequest): Promise<{ seconds: number; scores: number[] }>;
  /** Processor time of the server and of what scores for it, so far. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const studentFiles = [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.txt',
];

export interface ServiceOptions {
  /** Hugging Face directories, each of which becomes the student of a generation; the first one is live. */
  readonly models: readonly string[];
  readonly tokensMax: number;
  readonly threads: number;
}

export async function startService(data: string, o: ServiceOptions): Promise<Service> {
  const { store } = await storeAt(join(data, 'generations'));
  const config = parseConfig({ student: { tokens_max: o.tokensMax } });
  const bytes = Buffer.from(JSON.stringify(config));
  const generations: GenerationId[] = [];
  for (const [i, model] of o.models.entries()) {
    const files = studentFiles.map((name) => ({
      path: `student/${name}`,
      bytes: readFileSync(join(model, name)),
    }));
    const snapshot = { ...snapshotAt({ cursor: i + 1 }), files: [...files, { path: 'config.json', bytes }] };
    generations.push((await store.publish(snapshot, promote)).manifest.id);
  }
  await store.setLive(generations[0]!);
  const yaml = join(data, 'serve.yaml');
  writeFileSync(yaml, `serve:\n  threads: ${o.threads}\n  answer_timeout: 2m\n`);
  const server = await startServe('--data', data, '--config', yaml);
  await server.logged('serve.live');
  return {
    generations,
    setLive: (id) => store.setLive(id),
    log: server.log,
    logged: server.logged,
    residentMiB: () => processes(server.pid).reduce((sum, pid) => sum + residentMiBOf(pid), 0),
    ask: (request) => ask(`${server.url}/rerank`, request),
    cpuSeconds: () => processes(server.pid).reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    stop: async () => {
      await server.stop();
    },
  };
}

async function ask(url: string, { query, documents }: RankRequest) {
  const start = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, texts: documents, raw_scores: true }),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  const ranked = (await response.json()) as { index: number; score: number }[];
  const seconds = (performance.now() - start) / 1000;
  const scores = documents.map(() => Number.NaN);
  for (const { index, score } of ranked) scores[index] = score;
  return { seconds, scores };
}

function processes(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return [pid, ...children.flatMap((child) => processes(Number(child)))];
}

/** User and system time, in ticks of a hundredth of a second. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Pages of 4 KiB. */
const residentMiBOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) / 256;
