// The composition root of the process that scores for `restill serve`, one for each student. onnxruntime
// computes on the thread that calls it, so the server would not answer meanwhile; and what a process held is
// given back when it ends, however it ends.
import { encodeStudent } from './checkpoint/onnx-student.ts';
import { readServable } from './checkpoint/servable.fs.ts';
import { servedWeights } from './checkpoint/served-weights.ts';
import type { Config } from './config.ts';
import { assert, RestillError } from './errors.ts';
import type { Engine } from './serving/ports.ts';
import { openScorer } from './serving/scorer.ort.ts';
import {
  type FromScorer,
  type ScoreRequest,
  type ScorerStart,
  splitSequences,
  type ToScorer,
} from './serving/scorer-messages.ts';
import { bertFromHuggingFace } from './tensor/model-config.ts';
import { decodeSafetensors } from './tensor/safetensors.ts';

// When the server is gone, however it went, nobody needs its scorers.
const orphaned = (): never => process.exit(1);
process.on('disconnect', orphaned);
if (!process.connected) orphaned();
// A service manager signals all processes of a service; the server decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

/** Messages are done one after the other: answers come in the order of the requests. */
let done: Promise<unknown> = Promise.resolve();
let engine: Engine | null = null;
process.on('message', (message: ToScorer) => {
  done = done.then(() => (message.kind === 'start' ? start(message) : score(message))).catch(fail);
});

async function start({ directory, generation, threads }: ScorerStart): Promise<void> {
  engine = await openScorer(await encodeGeneration(directory, generation), { threads });
  // Weights and graph were held several times over while it was built; this process lives for days.
  globalThis.gc?.();
  send({ kind: 'ready' });
}

async function encodeGeneration(directory: string, id: ScorerStart['generation']): Promise<Uint8Array> {
  const weightsPath = 'student/model.safetensors';
  const paths = ['config.json', 'student/config.json', weightsPath];
  const { files, manifest } = await readServable(directory, id, (path) => paths.includes(path));
  const [config, bert, weights] = paths.map((path) => {
    const bytes = files.get(path);
    if (bytes) return bytes;
    throw new RestillError(
      'GENERATION_DAMAGED',
      `generation ${id} has no ${path}; an older restill made it, serve a newer generation`,
    );
  }) as [Uint8Array, Uint8Array, Uint8Array];
  const { student } = parse(config) as Config;
  const tensors = servedWeights(decodeSafetensors(weights, weightsPath), student.segments);
  const metadata = { generation: id, weights_sha256: manifest.weightsSha256.student };
  return encodeStudent(bertFromHuggingFace(parse(bert)), tensors, { precision: 'float32', metadata });
}

const parse = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

async function score(request: ScoreRequest): Promise<void> {
  assert(engine !== null, 'the student comes first');
  send({ kind: 'scores', logits: await engine.score(splitSequences(request)) });
}

function send(message: FromScorer): void {
  process.send!(message, () => {}); // Where it does not arrive the server is gone.
}

function fail(error: unknown): void {
  const code = error instanceof RestillError ? error.code : 'BUG';
  const message = String(error instanceof RestillError ? error.message : (error as Error)?.stack);
  process.send!({ kind: 'failed', code, message } satisfies FromScorer, () => process.exit(1));
}
