// What requests notice of swaps. usage: npm run bench:swaps [-- --seconds 60] [--swaps 20] [--in-flight 16].
// So many requests of ten documents are always under way at `restill serve`, while its live generation is
// moved among three students of MiniLM-L6's shape. (That every score is that of the generation named is for
// test/integration/serve-swap.test.ts to say.)
//
// A swap lasts from the replacement of the pointer to the last that the log says before the next one: until
// then students are loaded and given up. The last line is a JSON object: ratios.p99_during_vs_between is the
// p99 of requests that were under way in a swap over that of the others (aim: 2 at most), residentMiB the
// memory of all its processes just before each swap.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { randomFor } from '../src/random.ts';
import { readTokenizer, requestsOf, tokensMaxOf } from './serve/requests.ts';
import { type Service, startService } from './serve/service.ts';
import { machine } from './speed/bench.ts';
import { writeModel } from './speed/work.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    swaps: { type: 'string', default: '20' },
    'in-flight': { type: 'string', default: '16' },
  },
});
const swaps = Number(options.swaps);
const inFlight = Number(options['in-flight']);
const documentsPerRequest = 10;

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Load {
  readonly asked: Span[];
  failures: number;
  isOver: boolean;
}

async function keepAsking(service: Service, number: number, load: Load): Promise<void> {
  const requests = requestsOf('titles', 12);
  for (let i = number; !load.isOver; i++) {
    const { query, documents } = requests[i % requests.length]!;
    const from = systemClock.now();
    try {
      await service.ask({ query, documents: documents.slice(0, documentsPerRequest) });
      load.asked.push({ from, to: systemClock.now() });
    } catch (error) {
      load.failures++;
      console.log(String(error));
    }
  }
}

/** Moves the pointer again and again. @returns when each swap began, and the memory just before. */
async function swapAll(service: Service): Promise<{ begun: number[]; residentMiB: number[] }> {
  const random = randomFor(1, 'swaps');
  const everyMs = (1000 * Number(options.seconds)) / swaps;
  const begun: number[] = [];
  const residentMiB: number[] = [];
  let live = service.generations[0]!;
  for (let swap = 0; swap < swaps; swap++) {
    await pause(everyMs);
    const others = service.generations.filter((id) => id !== live);
    live = others[random.below(others.length)]!;
    residentMiB.push(Math.round(service.residentMiB()));
    const [seen, from] = [service.log.length, systemClock.now()];
    begun.push(from);
    await service.setLive(live);
    await service.logged('serve.live', (line) => service.log.indexOf(line) >= seen);
    console.log(`swap ${swap + 1}: ${live} after ${systemClock.now() - from} ms`);
  }
  await pause(everyMs);
  return { begun, residentMiB };
}

const lasted = ({ log }: Service, begun: readonly number[]): Span[] =>
  begun.map((from, i) => {
    const until = begun[i + 1] ?? Number.POSITIVE_INFINITY;
    const times = log.map(({ time }) => Date.parse(String(time)));
    return { from, to: Math.max(...times.filter((time) => time >= from && time < until)) };
  });

function p99(spans: readonly Span[]): number {
  const sorted = spans.map(({ from, to }) => to - from).sort((a, b) => a - b);
  return sorted[Math.ceil(0.99 * sorted.length) - 1]!;
}

async function measure(service: Service): Promise<Record<string, unknown>> {
  const load: Load = { asked: [], failures: 0, isOver: false };
  const asking = Array.from({ length: inFlight }, (_, i) => keepAsking(service, i, load));
  const { begun, residentMiB } = await swapAll(service);
  load.isOver = true;
  await Promise.all(asking);
  const spans = lasted(service, begun);
  const isDuring = (one: Span) => spans.some(({ from, to }) => one.from <= to && one.to >= from);
  const [during, between] = [true, false].map((which) => load.asked.filter((a) => isDuring(a) === which));
  return {
    swaps: begun.length,
    swapMs: spans.map(({ from, to }) => to - from),
    failures: load.failures,
    requests: { during: during!.length, between: between!.length },
    p99Ms: { during: p99(during!), between: p99(between!) },
    ratios: { p99_during_vs_between: Number((p99(during!) / p99(between!)).toFixed(3)) },
    residentMiB,
  };
}

const directory = mkdtempSync(join(tmpdir(), 'restill-bench-swaps-'));
try {
  const tokenizer = readTokenizer();
  const models = [1, 2, 3].map((seed) => join(directory, `model-${seed}`));
  for (const [i, model] of models.entries())
    writeModel(model, { layers: 6, hidden: 384, pairs: 16 }, tokenizer, i + 1);
  const data = join(directory, 'data');
  mkdirSync(data);
  const service = await startService(data, { models, tokensMax: tokensMaxOf('titles'), threads: 2 });
  await service.logged('serve.candidate');
  try {
    console.log(JSON.stringify({ benchmark: 'swaps', ...machine(), inFlight, ...(await measure(service)) }));
  } finally {
    await service.stop();
  }
} finally {
  rmSync(directory, { recursive: true });
}
