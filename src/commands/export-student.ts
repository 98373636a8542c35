// What `restill export` makes of a student: a bundle in the format asked for, with golden vectors that the
// student itself has scored.
import { join } from 'node:path';
import {
  type Bundle,
  bundleName,
  encodeBundle,
  type Format,
  goldenName,
  modelFiles,
} from '../checkpoint/bundle.ts';
import { type BundleParts, bundleFiles, tritonConfig } from '../checkpoint/bundle-files.ts';
import { exportFiles, exportHuggingFace, exportOnce } from '../checkpoint/export.fs.ts';
import { generationNumber } from '../checkpoint/generation.ts';
import { encodeGolden, makeGolden, type Reading } from '../checkpoint/golden.ts';
import { goldenTexts, vocabularyWords } from '../checkpoint/golden-texts.ts';
import type { Exported, ExportOptions } from '../checkpoint/new-directory.fs.ts';
import { servedWeights } from '../checkpoint/served-weights.ts';
import { openServedStudent } from '../checkpoint/student.tf.ts';
import type { ArtifactFile, EncodedPair, Generation, GenerationStore } from '../contract.ts';
import { startBackend } from '../tensor/backend.tf.ts';
import { bertFromHuggingFace } from '../tensor/model-config.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import { openTokenizer } from '../tensor/tokenizer.ts';
import { readConfig, readStudent } from '../trainer/snapshot.tf.ts';
import { measureInt8, refuseCost } from './int8-cost.ts';

export interface StudentExport extends ExportOptions {
  readonly out: string;
  readonly format: Format;
  /** How much nDCG@10 8 bits may cost; null: export in float32. */
  readonly int8DropMax: number | null;
}

/** Of a logit of about 1, in float32 and whatever order of summation. */
const exactTolerance = 1e-4;
/** A number that falls on the other side of a rounding step moves the logit by about so much. */
const int8Tolerance = 0.02;

/** @throws RestillError `QUALITY_LOST`, and what reading the generation and writing the directory throw. */
export async function exportStudent(
  store: GenerationStore,
  generation: Generation,
  o: StudentExport,
): Promise<Exported> {
  const parts = await prepare(store, generation, o);
  const { bundle, weights, golden } = parts;
  const options = { force: o.force, ...(o.files && { files: o.files }) };
  if (o.format === 'hf') {
    const added: ArtifactFile[] = [
      { path: goldenName, bytes: encodeGolden(golden) },
      { path: bundleName, bytes: encodeBundle(bundle) },
    ];
    // With segments the file is the generation's own, and is copied without being held.
    if (bundle.segments === 'none') added.push({ path: modelFiles.hf, bytes: encodeSafetensors(weights) });
    return exportHuggingFace(generation, o.out, { ...options, added });
  }
  if (o.format !== 'triton' && o.format !== 'tfserving')
    return exportFiles(o.out, bundleFiles(parts), options);
  // The number of the generation is the version, in a folder that servers watch.
  const number = String(generationNumber(generation.manifest.id));
  if (o.format === 'triton')
    await exportOnce(o.out, { path: 'config.pbtxt', bytes: Buffer.from(tritonConfig()) }, o.files);
  return exportFiles(join(o.out, number), bundleFiles(parts), options);
}

async function prepare(
  store: GenerationStore,
  generation: Generation,
  { format, int8DropMax }: StudentExport,
): Promise<BundleParts> {
  const { manifest } = generation;
  const read = (path: string): Promise<Uint8Array> => store.read(generation, path);
  const config = await readConfig(read);
  const texts = await readTexts(read, generation);
  const text = (path: string) =>
    Buffer.from(texts.find((file) => file.path === path)?.bytes ?? '{}').toString();
  const bert = bertFromHuggingFace(JSON.parse(text('config.json')));
  const tokenizer = openTokenizer(text('tokenizer.json'), text('tokenizer_config.json'));
  const { tokensMax, segments } = config.student;
  const reading: Reading = { tokensMax, positions: bert.positions, segments };
  const weights = servedWeights((await readStudent(read)).weights, segments);
  const { threads, onednn } = config.trainer;
  const backend = await startBackend({ threads, oneDnn: onednn });
  const precision = int8DropMax === null ? 'float32' : 'int8';
  const student = openServedStudent(backend, bert, weights, precision);
  // One by one: in 8 bits a score depends on what else is in the batch.
  const score = (pairs: readonly EncodedPair[]) =>
    Float32Array.from(pairs, (pair) => student.score([pair])[0]!);
  const golden = makeGolden(
    goldenTexts(vocabularyWords(text('tokenizer.json')), tokensMax),
    tokenizer,
    reading,
    score,
  );
  let cost: Bundle['cost'] = {};
  if (int8DropMax !== null) {
    const exact = openServedStudent(backend, bert, weights, 'float32');
    cost = measureInt8({ exact, rough: student, golden, tokenizer, config });
    exact.dispose();
    refuseCost(cost, int8DropMax);
  }
  student.dispose();
  const bundle: Bundle = {
    version: 1,
    format,
    generation: manifest.id,
    weightsSha256: manifest.weightsSha256.student,
    precision,
    ...reading,
    tolerance: precision === 'int8' ? int8Tolerance : exactTolerance,
    cost,
  };
  return { manifest, bundle, config: bert, weights, texts, golden };
}

/** The files of the student but its weights. */
async function readTexts(
  read: (path: string) => Promise<Uint8Array>,
  { manifest }: Generation,
): Promise<ArtifactFile[]> {
  const prefix = 'student/';
  const paths = manifest.files.map(({ path }) => path).filter((path) => path.startsWith(prefix));
  const small = paths.filter((path) => !path.endsWith('.safetensors'));
  return Promise.all(
    small.map(async (path) => ({ path: path.slice(prefix.length), bytes: await read(path) })),
  );
}
