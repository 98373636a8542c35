// What a model directory holds, as one hash: paths may change, and a path may be given other content.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource, readText } from './model-directory.fs.ts';
import { indexName, shardsOf } from './sharded.ts';

const needed = ['config.json', 'tokenizer.json'];
const optional = 'tokenizer_config.json';
const weights = 'model.safetensors';
const pieceBytes = 1 << 22;

/**
 * SHA-256, hex, over config.json, the tokenizer and the weights: for each file its name, a line feed, its
 * size, a line feed, its bytes. The files are those that `openModelDirectory` reads: an index beside a whole
 * model.safetensors is not looked at.
 *
 * @throws RestillError `MODEL_DAMAGED` naming a file that cannot be read.
 */
export function modelDigest(path: string): string {
  const has = (name: string) => existsSync(join(path, name));
  // What the model cannot be without is not asked for: where it is gone, reading it says so.
  const weightFiles =
    has(weights) || !has(indexName) ? [weights] : [indexName, ...shardsOf(readText(path, indexName))];
  const hash = createHash('sha256');
  for (const name of [...needed, ...[optional].filter(has), ...weightFiles]) {
    const { bytes, read } = fileSource(path, name);
    hash.update(`${name}\n${bytes}\n`);
    for (let at = 0; at < bytes; at += pieceBytes) hash.update(read(at, Math.min(pieceBytes, bytes - at)));
  }
  return hash.digest('hex');
}
