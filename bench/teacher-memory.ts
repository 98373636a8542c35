// bench:teacher-memory DIRECTORY [PART]: peak memory of the teacher's training steps at 128 tokens, all of
// them real, with all weights trained and with an adapter, in one part and in several, with layers kept and
// recomputed. Each case runs in a process of its own, from reading DIRECTORY to the second step; PART picks
// the cases whose name has it. The last line is one JSON object.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Config, parseConfig } from '../src/config.ts';
import { randomFor } from '../src/random.ts';
import { startBackend } from '../src/tensor/backend.tf.ts';
import { openModelDirectory } from '../src/tensor/model-directory.fs.ts';
import { initialize } from '../src/tensor/parameters.ts';
import { openTeacher, teacherShape } from '../src/trainer/teacher.tf.ts';

const tokens = 128;
const prompt = 16;

interface Case {
  readonly objective: 'pretrain' | 'finetune';
  readonly adapter: boolean;
  /** Sequences; a preference has two. */
  readonly sequences: number;
  readonly accumulate: number;
  readonly recompute: boolean;
}

interface Figures {
  /** After the weights have been read and set. */
  readonly openedGiB: number;
  readonly peakGiB: number;
  /** Of the second step, over all threads. */
  readonly cpuSeconds: number;
  readonly loss: number;
}

const nameOf = (c: Case): string =>
  [
    c.objective,
    c.adapter ? 'adapter' : 'full',
    `${c.sequences} sequences`,
    ...(c.accumulate > 1 ? [`in ${c.accumulate} parts`] : []),
    ...(c.recompute ? ['recomputed'] : []),
  ].join(', ');

const sequences = 16;
const cases: readonly Case[] = (['pretrain', 'finetune'] as const).flatMap((objective) =>
  [false, true].flatMap((adapter) =>
    [1, 4].flatMap((accumulate) =>
      [false, true].map((recompute) => ({ objective, adapter, sequences, accumulate, recompute })),
    ),
  ),
);

const { positionals, values } = parseArgs({ allowPositionals: true, options: { case: { type: 'string' } } });
const [directory, part = ''] = positionals;
if (directory === undefined) throw new Error('usage: bench:teacher-memory DIRECTORY [PART]');
if (values.case === undefined) all(directory);
else console.log(JSON.stringify(await measure(directory, JSON.parse(values.case) as Case)));

function all(from: string): void {
  const results: Record<string, Figures | string> = {};
  for (const one of cases.filter((c) => nameOf(c).includes(part))) {
    const script = fileURLToPath(import.meta.url);
    const child = spawnSync(
      process.execPath,
      ['--import', 'tsx', script, from, '--case', JSON.stringify(one)],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
      },
    );
    const line = child.stdout.trim().split('\n').at(-1)!;
    results[nameOf(one)] = child.status === 0 ? (JSON.parse(line) as Figures) : `failed: ${child.signal}`;
    console.log(nameOf(one), line);
  }
  console.log(JSON.stringify({ model: from.split('/').at(-1), tokens, results }));
}

async function measure(from: string, one: Case): Promise<Figures> {
  const config = configOf(from, one);
  const backend = await startBackend({ threads: config.trainer.threads, oneDnn: config.trainer.onednn });
  const loaded = openModelDirectory(from, { seed: 1, layers: null });
  if (loaded.family !== 'llama') throw new Error(`${from} is no decoder`);
  const shape = teacherShape({ ...loaded.config, positions: tokens }, config.teacher);
  const teacher = openTeacher(backend, shape, config, shape.adapter && loaded.weights);
  const fresh = initialize(shape.adapter?.parameters ?? [], 1);
  const trained = shape.trained.map(
    ({ name }) => [name, (fresh.get(name) ?? loaded.weights.get(name))!] as const,
  );
  teacher.restore({ weights: new Map(trained), moments: new Map() });
  const openedGiB = memory('VmRSS');

  const random = randomFor(1, 'memory');
  const sequence = () => Int32Array.from({ length: tokens }, () => random.below(loaded.config.vocabulary));
  const step = (number: number): number => {
    const at = { step: number, learningRate: 1e-5 };
    if (one.objective === 'pretrain') {
      const batch = Array.from({ length: one.sequences }, () => ({ ids: sequence(), outputFrom: prompt }));
      return teacher.pretrain(batch, at).loss;
    }
    const count = one.sequences / 2;
    const batch = Array.from({ length: count }, () => ({ better: sequence(), worse: sequence(), weight: 1 }));
    return teacher.finetune(batch, at).loss;
  };
  step(1);
  const before = process.cpuUsage();
  const loss = step(2);
  const { user, system } = process.cpuUsage(before);
  return {
    openedGiB,
    peakGiB: memory('VmHWM'),
    cpuSeconds: Math.round((user + system) / 1e4) / 100,
    loss,
  };
}

function configOf(start: string, { objective, adapter, sequences, accumulate, recompute }: Case): Config {
  const settings = { batch: objective === 'pretrain' ? sequences : sequences / 2, accumulate };
  return parseConfig({
    teacher: {
      start,
      heads: 9,
      key_value_heads: 3,
      tokens_max: tokens,
      adapter: adapter ? {} : null,
      recompute,
    },
    // Both objectives are in a teacher's graph, with moments of their own.
    [objective]: settings,
  });
}

/** GiB, two digits. */
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))!;
  return Math.round((Number(kilobytes) / 2 ** 20) * 100) / 100;
}
