// Our ONNX export beside torch.onnx's of the same weights, both in Python's onnxruntime. usage: npm run
// bench:onnx [-- --quick] [--shapes 6x384,2x128] [--rounds 7] [--threads 2]. RESTILL_PYTHON names the Python
// of bench/peer/requirements.txt.
//
// The sessions take turns in one process; figures are medians over the rounds. The last line is a JSON
// object; its ratios are sequences per second of ours over torch.onnx's, `..._cpu` the same in processor
// time.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeStudent } from '../src/checkpoint/onnx-student.ts';
import { randomFor } from '../src/random.ts';
import { bertParameters } from '../src/tensor/bert.ts';
import { type BertConfig, bertToHuggingFace } from '../src/tensor/model-config.ts';
import { initialize } from '../src/tensor/parameters.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    shapes: { type: 'string', default: '6x384,2x128' },
    rounds: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 2 : 7));
const python = process.env.RESTILL_PYTHON ?? 'python3';
const program = fileURLToPath(new URL('./peer/onnx_speed.py', import.meta.url));

/** Lengths by batch: all tokens real, and as titles with queries are (about 10 to 50 tokens). */
function workloads(): Record<string, number[][]> {
  const random = randomFor(1, 'bench', 'lengths');
  const mixed = () =>
    Array.from({ length: 32 }, () => 10 + random.below(14) + random.below(14) + random.below(14));
  return {
    64: [Array<number>(32).fill(64)],
    128: [Array<number>(16).fill(128)],
    mixed: [mixed(), mixed(), mixed()],
  };
}

/** What onnx_speed.py answers. */
interface Answer {
  readonly results: Readonly<Record<string, { sequences_per_second: number; cpu_ms_per_sequence: number }>>;
  readonly differences: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, string>>;
}

function measure(task: object, directory: string): Answer {
  const file = join(directory, 'task.json');
  writeFileSync(file, JSON.stringify(task));
  const { status, stdout, stderr } = spawnSync(python, [program, file], { maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${python} ${program} failed: ${stderr?.toString().slice(-2000)}`);
  return JSON.parse(stdout.toString()) as Answer;
}

/** A student with random weights, as a Hugging Face directory and in ONNX. */
function writeModels(shape: string, directory: string): { model: string; ours: Record<string, string> } {
  const [layers, hidden] = shape.split('x').map(Number) as [number, number];
  const heads = hidden >= 384 ? 12 : hidden / 32;
  const sizes = { layers, hidden, heads, intermediate: 4 * hidden, vocabulary: 30_522, positions: 512 };
  const config: BertConfig = { ...sizes, segments: 2, epsilon: 1e-12 };
  const weights = initialize(bertParameters(config), 1);
  const model = join(directory, shape);
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), JSON.stringify(bertToHuggingFace(config)));
  writeFileSync(join(model, 'model.safetensors'), encodeSafetensors(weights));
  const precisions = ['float32', 'int8'] as const;
  const files = precisions.map((precision) => {
    const file = join(model, `${precision}.onnx`);
    writeFileSync(file, encodeStudent(config, weights, { precision, metadata: {} }));
    return [precision, file] as const;
  });
  return { model, ours: Object.fromEntries(files) };
}

const directory = mkdtempSync(join(tmpdir(), 'restill-bench-onnx-'));
const results: object[] = [];
const ratios: Record<string, number> = {};
try {
  for (const shape of options.shapes.split(',')) {
    const models = writeModels(shape, directory);
    for (const [lengths, batches] of Object.entries(workloads())) {
      const answer = measure({ ...models, batches, rounds, threads: Number(options.threads) }, directory);
      const { torch_onnx: standard, ...ours } = answer.results;
      for (const [name, { sequences_per_second: speed, cpu_ms_per_sequence: cpu }] of Object.entries(ours)) {
        ratios[`${name}_vs_torch_onnx_${shape}_${lengths}`] = speed / standard!.sequences_per_second;
        ratios[`${name}_vs_torch_onnx_${shape}_${lengths}_cpu`] = standard!.cpu_ms_per_sequence / cpu;
      }
      console.log(shape, lengths, JSON.stringify(answer.results), JSON.stringify(answer.differences));
      results.push({ shape, lengths, ...answer });
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
for (const [name, ratio] of Object.entries(ratios)) ratios[name] = Number(ratio.toFixed(3));
const machine = { cpu: cpus()[0]!.model, cores: cpus().length };
console.log(
  JSON.stringify({ benchmark: 'onnx', machine, rounds, threads: Number(options.threads), results, ratios }),
);
