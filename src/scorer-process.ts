// The composition root of the process that scores for `restill serve`, one for each student. onnxruntime
// computes on the thread that calls it, so the server would not answer meanwhile; and what a process held is
// given back when it ends, however it ends.
import { readListed } from './checkpoint/listed-file.fs.ts';
import { encodeStudent } from './checkpoint/onnx-student.ts';
import { servedWeights } from './checkpoint/served-weights.ts';
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

async function start(o: ScorerStart): Promise<void> {
  engine = await openScorer(await encodeGeneration(o), { threads: o.threads });
  // Weights and graph were held several times over while it was built; this process lives for days.
  globalThis.gc?.();
  send({ kind: 'ready' });
}

async function encodeGeneration(o: ScorerStart): Promise<Uint8Array> {
  const bytes = await readListed(o.folder, o.weights);
  const weights = servedWeights(decodeSafetensors(bytes, o.weights.path), o.segments);
  return encodeStudent(o.bert, weights, { precision: 'float32', metadata: { generation: o.generation } });
}

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
