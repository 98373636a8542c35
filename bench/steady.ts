// Whether memory stays flat over many compiled steps of a small student. usage: npm run bench:steady [--
// --steps 10000] [--fixed]. Batches differ in size and length, as in life, or (--fixed) do not. The resident
// size is read every hundredth part of the run, after a garbage collection; the last line is a JSON object
// with the least-squares slope over the second half, in KiB per 1,000 steps, and tensors held at the start
// and at the end. The allocator is set as the trainer's is, for which the benchmark starts itself once more.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { allocator } from '../src/commands/trainer-child.ts';
import { parseConfig } from '../src/config.ts';
import { type Random, randomFor } from '../src/random.ts';
import { startBackend } from '../src/tensor/backend.tf.ts';
import { bertParameters } from '../src/tensor/bert.ts';
import type { BertConfig } from '../src/tensor/model-config.ts';
import { initialize } from '../src/tensor/parameters.ts';
import type { EncodedDistillation } from '../src/trainer/models.ts';
import { openStudent } from '../src/trainer/student.tf.ts';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '10000' }, fixed: { type: 'boolean', default: false } },
});
const steps = Number(values.steps);
if (process.env.GLIBC_TUNABLES !== allocator.GLIBC_TUNABLES) {
  const [program, ...rest] = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync(program, rest, { stdio: 'inherit', env: { ...process.env, ...allocator } });
  process.exit(status ?? 1);
}
const model: BertConfig = {
  vocabulary: 2000,
  layers: 2,
  hidden: 64,
  heads: 2,
  intermediate: 128,
  positions: 64,
  segments: 2,
  epsilon: 1e-12,
};

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const residentKiB = (): number => {
  collectGarbage();
  return process.memoryUsage.rss() / 1024;
};

const config = parseConfig({});
const backend = await startBackend({ threads: config.trainer.threads, oneDnn: config.trainer.onednn });
const student = openStudent(backend, model, config);
student.restore({ weights: initialize(bertParameters(model), 1), moments: new Map() });

const sequence = (random: Random) => {
  const length = values.fixed ? model.positions : 4 + random.below(model.positions - 4);
  const ids = Int32Array.from({ length }, () => random.below(model.vocabulary));
  return { ids, segments: new Int32Array(length) };
};

function batchOf(step: number): EncodedDistillation[] {
  const random = randomFor(1, 'steady', step);
  return Array.from({ length: values.fixed ? 8 : 1 + random.below(8) }, () => ({
    positive: sequence(random),
    negative: sequence(random),
    positiveScore: random.normal(),
    negativeScore: random.normal(),
  }));
}

/** The slope of a line through points that lie one apart. */
function slope(points: readonly number[]): number {
  const centre = (points.length - 1) / 2;
  const mean = points.reduce((sum, y) => sum + y, 0) / points.length;
  const products = points.reduce((sum, y, x) => sum + (x - centre) * (y - mean), 0);
  return products / points.reduce((sum, _, x) => sum + (x - centre) ** 2, 0);
}

const tensorsAtStart = backend.tensorCount();
const every = Math.max(1, Math.floor(steps / 100));
const resident: number[] = [];
for (let step = 1; step <= steps; step++) {
  student.distill(batchOf(step), { step, learningRate: 1e-4 });
  if (step % every === 0) resident.push(residentKiB());
}
const settled = resident.slice(resident.length >> 1);
console.log(
  JSON.stringify({
    benchmark: 'steady',
    steps,
    residentMiB: [resident[0]!, settled[0]!, settled.at(-1)!].map((kib) => Math.round(kib / 1024)),
    slopeKiBPer1000Steps: Number(((slope(settled) * 1000) / every).toFixed(1)),
    tensors: { start: tensorsAtStart, end: backend.tensorCount() },
  }),
);
