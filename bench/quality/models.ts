// The two models to start from, and what tells them from others.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RestillError } from '../../src/errors.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import type { LoadedBert, LoadedLlama } from '../../src/tensor/model-weights.ts';

/** The student to start from. @throws RestillError USAGE for a directory of another family. */
export function openStudentStart(path: string, seed: number): LoadedBert {
  const loaded = openModelDirectory(path, { seed, layers: null });
  if (loaded.family === 'bert') return loaded;
  throw new RestillError('USAGE', `--student ${path} is no BERT`);
}

/** The teacher to start from; its first `layers` layers, null: all. @throws RestillError USAGE */
export function openTeacherStart(path: string, seed: number, layers: number | null): LoadedLlama {
  const kept = layers === null ? null : Array.from({ length: layers }, (_, i) => i);
  const loaded = openModelDirectory(path, { seed, layers: kept });
  if (loaded.family === 'llama') return loaded;
  throw new RestillError('USAGE', `--teacher ${path} is neither a Llama nor a Qwen2`);
}

/** Name, config and a sample of the weights: hashing all of them would take longer than some cells. */
export function fingerprint(path: string): string {
  const weights = join(path, 'model.safetensors');
  const { size } = statSync(weights);
  const hash = createHash('sha256')
    .update(readFileSync(join(path, 'config.json')))
    .update(readFileSync(join(path, 'tokenizer.json')))
    .update(String(size));
  const file = openSync(weights, 'r');
  try {
    for (const share of [0, 0.5, 1]) {
      const bytes = Buffer.alloc(Math.min(sampleBytes, size));
      const count = readSync(file, bytes, 0, bytes.length, Math.floor(share * (size - bytes.length)));
      hash.update(bytes.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return `${basename(path)} ${hash.digest('hex').slice(0, 12)}`;
}

const sampleBytes = 1 << 20;
