// A bundle against its own golden vectors: a Hugging Face directory by our own student, an ONNX model by its
// structure and by onnxruntime: in Python where one is given, else in this process where it is installed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelFiles } from '../checkpoint/bundle.ts';
import { type OpenedBundle, openBundle } from '../checkpoint/bundle-reader.fs.ts';
import { type Diagnosis, diagnose } from '../checkpoint/diagnosis.ts';
import { encodeRight } from '../checkpoint/golden.ts';
import { readOnnx } from '../checkpoint/onnx-reader.ts';
import { onnxInputs, onnxOutputs } from '../checkpoint/onnx-student.ts';
import { scoreSavedModel } from '../checkpoint/saved-model.tf.ts';
import { openServedStudent } from '../checkpoint/student.tf.ts';
import type { EncodedPair } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { openScorer } from '../serving/scorer.ort.ts';
import { startBackend } from '../tensor/backend.tf.ts';
import { fileSource, openModelDirectory } from '../tensor/model-directory.fs.ts';
import { openTokenizer } from '../tensor/tokenizer.ts';

/** What was found, for people and programs. */
export interface Findings extends Diagnosis {
  readonly target: string;
  readonly generation: string;
  /** Whether any score was compared. */
  readonly scored: boolean;
  /** What was compared, and what could not be. */
  readonly notes: readonly string[];
}

interface Options {
  readonly python: string | null;
  /** Null: the bundle's own. */
  readonly tolerance: number | null;
}

/** @throws RestillError `VERIFY_FAILED` for a file, a tokenizer or a structure that is another. */
export async function verifyBundle(directory: string, options: Options): Promise<Findings> {
  const opened = await openBundle(directory);
  const { bundle, golden, files } = opened;
  const scored = (scores: readonly number[], by: string): Findings => {
    const tolerance = options.tolerance ?? bundle.tolerance;
    const diagnosis = diagnose(golden, scores, { scores: 'raw', tolerance, others: [] });
    return {
      ...diagnosis,
      ...named,
      scored: true,
      notes: [matched, `${golden.length} golden logits by ${by}`],
    };
  };
  const named = { target: directory, generation: bundle.generation };
  const matched = `${files} files match SHA256SUMS`;
  if (bundle.format === 'hf') return scored(await scoresOfStudent(directory, opened), 'TensorFlow');
  if (bundle.format === 'opensearch')
    return { ...nothing, ...named, notes: [matched, 'logits not replayed'] };
  if (bundle.format === 'tfserving') {
    const backend = await startBackend(backendOptions);
    return scored(scoreSavedModel(backend, directory, pairsOf(golden)), 'TensorFlow');
  }
  const path = modelFiles[bundle.format];
  checkStructure(directory, path);
  if (options.python)
    return scored(scoresInPython(options.python, join(directory, path), opened), 'onnxruntime in Python');
  const scores = await scoresInNode(directory, path, opened);
  if (scores) return scored(scores, 'onnxruntime');
  const structure = `${path} has the inputs and outputs that it should`;
  return {
    ...nothing,
    ...named,
    notes: [matched, `${structure}; install onnxruntime-node or give --python to replay its logits`],
  };
}

const nothing = {
  faults: [],
  says: [],
  largestGap: 0,
  invisible: [],
  scored: false,
} satisfies Partial<Findings>;

async function scoresOfStudent(directory: string, { bundle, golden }: OpenedBundle): Promise<number[]> {
  const model = openModelDirectory(directory, { seed: 1, layers: null });
  if (model.family !== 'bert') throw changed(directory, `holds a ${model.family}, not a student`);
  const tokenizer = openTokenizer(model.tokenizer, model.tokenizerConfig);
  const pairs = golden.map((vector) => {
    const pair = encodeRight(tokenizer, vector, bundle);
    if (`${pair.ids}` !== `${vector.ids}` || `${pair.segments}` !== `${vector.segments}`)
      throw changed(directory, `has a tokenizer that reads "${vector.query}" in another way`);
    return pair;
  });
  const student = openServedStudent(
    await startBackend(backendOptions),
    model.config,
    model.weights,
    'float32',
  );
  const scores = pairs.map((pair) => student.score([pair])[0]!);
  student.dispose();
  return scores;
}

const pairsOf = (golden: OpenedBundle['golden']): EncodedPair[] =>
  golden.map(({ ids, segments }) => ({ ids: Int32Array.from(ids), segments: Int32Array.from(segments) }));

/** Any will do: they change the last bits only. */
const backendOptions = { threads: 2, oneDnn: true };

function checkStructure(directory: string, path: string): void {
  const { bytes, read } = fileSource(directory, path);
  const { inputs, outputs } = readOnnx(read(0, bytes));
  const shown = JSON.stringify({ inputs, outputs });
  if (shown !== JSON.stringify({ inputs: onnxInputs, outputs: onnxOutputs }))
    throw changed(join(directory, path), `has other inputs or outputs: ${shown}`);
}

/** One by one, as the golden logits were computed. Null: onnxruntime-node is not installed. */
async function scoresInNode(
  directory: string,
  path: string,
  { golden }: OpenedBundle,
): Promise<number[] | null> {
  const { bytes, read } = fileSource(directory, path);
  try {
    const scorer = await openScorer(read(0, bytes), { threads: backendOptions.threads });
    const scores: number[] = [];
    for (const pair of pairsOf(golden)) scores.push((await scorer.score([pair]))[0]!);
    await scorer.dispose();
    return scores;
  } catch (error) {
    if (error instanceof RestillError && error.code === 'ENGINE_MISSING') return null;
    throw error;
  }
}

/** The program is a file of the package. */
const script = fileURLToPath(new URL('../../scripts/onnx_scores.py', import.meta.url));

function scoresInPython(python: string, model: string, { golden }: OpenedBundle): number[] {
  const batches = golden.map(({ ids, segments }) => [{ ids, segments }]);
  const result = spawnSync(python, [script], {
    input: JSON.stringify([{ model, batches }]),
    maxBuffer: 1 << 26,
  });
  if (result.status !== 0)
    throw new RestillError(
      'VERIFY_FAILED',
      `${python} cannot score ${model}: ${(result.error?.message ?? result.stderr.toString()).slice(-1000)}`,
    );
  return (JSON.parse(result.stdout.toString()) as number[][][])[0]!.flat();
}

const changed = (path: string, what: string): RestillError =>
  new RestillError('VERIFY_FAILED', `${path} ${what}; export it again`);
