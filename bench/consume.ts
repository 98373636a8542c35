// How fast restill run takes a topic of a real broker into a durable journal, beside a bare kafkajs eachBatch
// loop that only JSON-parses the values. usage: npm run bench:consume [-- FILE] [--copies 32] [--rounds 3]
// [--compression none|gzip] [--idle 20] [--profile DIR]. Needs Java, Maven. FILE, a recording, is loaded
// `copies` times; rounds of the two alternate, each side a process of its own with the launcher's flags. The
// last line is a JSON object: ratios.journal_vs_kafkajs is the time of the bare loop over ours (aim: 0.6 or
// more), ratios.journal_vs_kafkajs_cpu the same in processor time; cpuMicroseconds is that of all threads, a
// record. The bare loop has the settings that kafkajs comes with, which fetch as much of a partition
// at a time as ours do (1 MiB). idleCpuPercent is our share of a core from ten seconds after the end of the
// topic on (the aim is below 1; not with --profile, which wakes up a thousand times a second); heapMiB is
// what lives after each tenth of it.
import { parseArgs } from 'node:util';
import { CompressionTypes } from 'kafkajs';
import { startBroker } from '../test/support/broker/broker.ts';
import { sharedFile } from '../test/support/shared.ts';
import { loadCopies } from './broker/recording.ts';
import { type Answer, openSide, type Side, type Supply } from './broker/side.ts';
import { machine } from './speed/bench.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    copies: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '3' },
    compression: { type: 'string', default: 'none' },
    idle: { type: 'string', default: '20' },
    profile: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const file = positionals[0] ?? sharedFile('data/esci/clicks.jsonl.gz');
if (file === null) process.exit(0);

const broker = await startBroker();
try {
  const compression = values.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  const { bootstrap } = broker;
  const copies = Number(values.copies);
  const records = await loadCopies({ bootstrap, topic: 'clicks', file, copies, compression });
  console.log(`${records} records, ${copies} times ${file}, compression ${values.compression}`);
  const supply = { bootstrap, topic: 'clicks', records };
  console.log(JSON.stringify({ benchmark: 'consume', ...(await compare(supply)), ...machine() }));
} finally {
  await broker.stop();
}

async function compare(supply: Supply): Promise<Record<string, unknown>> {
  const { profile } = values;
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const sides = [openSide('kafkajs', supply, flags), openSide('journal', supply, flags)] as const;
  const answers: [Answer[], Answer[]] = [[], []];
  try {
    for (const side of sides) await side.obey({ kind: 'round' }); // Compiles, fills caches.
    for (let round = 0; round < rounds; round++) {
      for (const [i, side] of sides.entries()) answers[i]!.push(await side.obey({ kind: 'round' }));
      tell(round, sides, answers);
    }
    const heap = await sides[1].obey({ kind: 'heap' });
    const idle = await sides[1].obey({ kind: 'idle', seconds: Number(values.idle) });
    return { ...figures(supply.records, answers), ...restOf(heap, idle) };
  } finally {
    for (const side of sides) side.close();
  }
}

function tell(round: number, sides: readonly Side[], answers: readonly Answer[][]): void {
  const lines = sides.map(({ name }, i) => {
    const { seconds, cpuSeconds, residentMiB } = answers[i]!.at(-1)!;
    return `${name} ${seconds.toFixed(2)} s (cpu ${cpuSeconds.toFixed(2)}, rss ${residentMiB} MiB)`;
  });
  console.log(`round ${round + 1}: ${lines.join(', ')}`);
}

function figures(records: number, [bare, ours]: [Answer[], Answer[]]): Record<string, unknown> {
  const rate = (side: readonly Answer[]): number => Math.round(records / median(side.map((a) => a.seconds)));
  const cost = (side: readonly Answer[]): number =>
    Number(((1e6 * median(side.map((a) => a.cpuSeconds))) / records).toFixed(1));
  const ratio = (of: (answer: Answer) => number): number =>
    Number(median(bare.map((answer, i) => of(answer) / of(ours[i]!))).toFixed(3));
  return {
    rounds,
    records,
    compression: values.compression,
    recordsPerSecond: { kafkajs: rate(bare), journal: rate(ours) },
    cpuMicroseconds: { kafkajs: cost(bare), journal: cost(ours) },
    ratios: {
      journal_vs_kafkajs: ratio(({ seconds }) => seconds),
      journal_vs_kafkajs_cpu: ratio(({ cpuSeconds }) => cpuSeconds),
    },
    residentMiB: ours.map(({ residentMiB }) => residentMiB),
  };
}

function restOf(heap: Answer, idle: Answer): Record<string, unknown> {
  const idleCpuPercent = Number(((100 * idle.cpuSeconds) / idle.seconds).toFixed(3));
  return { heapMiB: heap.heapMiB, idleCpuPercent };
}

function median(of: readonly number[]): number {
  const sorted = [...of].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
