// `restill serve` beside what people score with in Python. usage: npm run bench:serve [-- --quick]
// [--lengths 64,128,titles,summaries] [--rounds 5] [--threads 2] [--requests 12] [--no-peers]. RESTILL_PYTHON
// names the Python of bench/peer/requirements.txt.
//
// Every side is given the same texts, 50 documents a request, one request after the other, in turns: ours
// over HTTP, the others in their own process. Random weights of MiniLM-L6's shape. The last line is a JSON
// object; its ratios are documents per second of ours over theirs, medians over the rounds; `..._cpu` the
// same in processor time, `..._in_flight_4` with four requests of ours under way at a time.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeStudent } from '../src/checkpoint/onnx-student.ts';
import { type BertConfig, bertFromHuggingFace } from '../src/tensor/model-config.ts';
import { decodeSafetensors } from '../src/tensor/safetensors.ts';
import { openTokenizer } from '../src/tensor/tokenizer.ts';
import { type Lengths, readTokenizer, requestsOf, tokensMaxOf } from './serve/requests.ts';
import { type SideRound, serviceRound } from './serve/rounds.ts';
import { startService } from './serve/service.ts';
import { type TenMilliseconds, tenMilliseconds } from './serve/ten-milliseconds.ts';
import { machine } from './speed/bench.ts';
import type { Answer } from './speed/protocol.ts';
import { openSide, pythonSide, type Side } from './speed/side.ts';
import { writeModel } from './speed/work.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    lengths: { type: 'string', default: '64,128,titles,summaries' },
    rounds: { type: 'string' },
    threads: { type: 'string', default: '2' },
    requests: { type: 'string' },
    'no-peers': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
const count = Number(options.requests ?? (options.quick ? 4 : 12));
const threads = Number(options.threads);
const tokenizer = readTokenizer();
const shapes = { '6x384': [6, 384], '4x256': [4, 256], '2x128': [2, 128] } as const;
const peers = {
  standard: 'onnxruntime',
  ours: 'our_export',
  'sentence-transformers': 'sentence_transformers',
};

interface Row {
  readonly lengths: Lengths;
  readonly side: string;
  readonly documentsPerSecond: number;
  readonly cpuMsPerDocument: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The largest between its scores and ours. */
  readonly difference: number;
}

async function runCase(lengths: Lengths, model: string, directory: string): Promise<Row[]> {
  const requests = requestsOf(lengths, count);
  const tokensMax = tokensMaxOf(lengths);
  const work = join(directory, `${lengths}.json`);
  const onnx = join(model, 'restill.onnx');
  writeFileSync(work, JSON.stringify({ model, onnx, tokensMax, threads, requests }));
  const data = join(directory, lengths);
  mkdirSync(data);
  const service = await startService(data, { models: [model], tokensMax, threads });
  const sides: Side[] = [];
  try {
    for (const kind of options['no-peers'] ? [] : Object.keys(peers))
      sides.push(await openSide(pythonSide(kind, 'serve_side.py', '--as', kind), work));
    const asked: Record<string, () => Promise<SideRound>> = {
      restill: () => serviceRound(service, requests, 1),
      restill_in_flight_4: () => serviceRound(service, requests, 4),
      ...Object.fromEntries(sides.map((side) => [peerOf(side), () => side.round(1).then(roundOf)])),
    };
    const taken = new Map(Object.keys(asked).map((name) => [name, [] as SideRound[]]));
    for (let round = 0; round <= rounds; round++)
      for (const [name, ask] of Object.entries(asked)) {
        const one = await ask();
        if (round > 0) taken.get(name)!.push(one); // The first one warms up.
        if (round > 0) console.log(`  ${lengths} round ${round} ${name} ${one.seconds.toFixed(2)} s`);
      }
    const ours = taken.get('restill')![0]!.scores;
    return [...taken].map(([side, all]) => rowOf({ lengths, side, all, ours }));
  } finally {
    await Promise.all(sides.map((side) => side.close()));
    await service.stop();
  }
}

const peerOf = ({ name }: Side): string => peers[name as keyof typeof peers];

const roundOf = (answer: Answer): SideRound => ({
  seconds: answer.seconds,
  cpuSeconds: answer.cpuSeconds,
  latencies: answer.values,
  scores: (answer as Answer & Pick<SideRound, 'scores'>).scores,
});

function rowOf(o: {
  lengths: Lengths;
  side: string;
  all: readonly SideRound[];
  ours: readonly number[];
}): Row {
  const documents = 50 * count;
  const seconds = quantile(
    o.all.map((one) => one.seconds),
    0.5,
  );
  const latencies = o.all.flatMap((one) => one.latencies);
  const differences = o.all[0]!.scores.map((score, i) => Math.abs(score - o.ours[i]!));
  return {
    lengths: o.lengths,
    side: o.side,
    documentsPerSecond: rounded(documents / seconds, 1),
    cpuMsPerDocument: rounded(
      (1000 *
        quantile(
          o.all.map((one) => one.cpuSeconds),
          0.5,
        )) /
        documents,
      3,
    ),
    p50Ms: rounded(1000 * quantile(latencies, 0.5), 1),
    p99Ms: rounded(1000 * quantile(latencies, 0.99), 1),
    difference: Math.max(...differences),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length - 1e-9) - 1)]!;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

function ratiosOf(rows: readonly Row[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  const labels = { 64: '', 128: '_128', titles: '_real_lengths', summaries: '_real_lengths_summaries' };
  for (const lengths of new Set(rows.map((row) => row.lengths))) {
    const of = (side: string) => rows.find((row) => row.lengths === lengths && row.side === side);
    const compare = (name: string, a: string, b: string): void => {
      const [one, other] = [of(a), of(b)];
      if (!one || !other) return;
      ratios[`${name}${labels[lengths]}`] = rounded(one.documentsPerSecond / other.documentsPerSecond, 3);
      ratios[`${name}${labels[lengths]}_cpu`] = rounded(other.cpuMsPerDocument / one.cpuMsPerDocument, 3);
    };
    for (const peer of ['onnxruntime', 'our_export', 'sentence_transformers']) {
      compare(`documents_vs_${peer}`, 'restill', peer);
      compare(`documents_vs_${peer}_in_flight_4`, 'restill_in_flight_4', peer);
    }
    compare('our_export_vs_standard', 'our_export', 'onnxruntime');
  }
  return ratios;
}

async function tenMillisecondsOfAll(): Promise<TenMilliseconds[]> {
  const { encodePair, vocabulary } = openTokenizer(tokenizer);
  const sequencesOf = (lengths: Lengths) =>
    requestsOf(lengths, 12).flatMap(({ query, documents }) =>
      documents.map((title) => encodePair(query, { title, summary: '' }, tokensMaxOf(lengths), 'bert')),
    );
  const texts = { '64': sequencesOf('64'), titles: sequencesOf('titles') };
  const answers: TenMilliseconds[] = [];
  for (const [shape, [layers, hidden]] of Object.entries(shapes)) {
    const sizes = { layers, hidden, heads: hidden / 32, intermediate: 4 * hidden };
    const config: BertConfig = { ...sizes, vocabulary, positions: 512, segments: 2, epsilon: 1e-12 };
    answers.push(...(await tenMilliseconds(shape, config, texts)));
  }
  return answers;
}

const directory = mkdtempSync(join(tmpdir(), 'restill-bench-serve-'));
try {
  const model = join(directory, 'model');
  writeModel(model, { layers: 6, hidden: 384, pairs: 16 }, tokenizer, 1);
  const config = bertFromHuggingFace(JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')));
  const weights = decodeSafetensors(readFileSync(join(model, 'model.safetensors')), 'model.safetensors');
  const onnx = encodeStudent(config, weights, { precision: 'float32', metadata: {} });
  writeFileSync(join(model, 'restill.onnx'), onnx);
  const rows: Row[] = [];
  for (const lengths of options.lengths.split(',').filter(Boolean) as Lengths[])
    rows.push(...(await runCase(lengths, model, directory)));
  console.table(rows);
  const fits = await tenMillisecondsOfAll();
  console.table(fits);
  const about = { benchmark: 'serve', machine: machine(), shape: '6x384', rounds, requests: count, threads };
  console.log(JSON.stringify({ ...about, results: rows, tenMilliseconds: fits, ratios: ratiosOf(rows) }));
} finally {
  rmSync(directory, { recursive: true });
}
