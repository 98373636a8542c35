// What a model directory holds, as one hash: paths may change, and a path may be given other content.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource, readText } from './model-directory.fs.ts';
import { indexName, shardsOf } from './sharded.ts';

const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors', indexName];
const pieceBytes = 1 << 22;

/**
 * SHA-256, hex, over config.json, the tokenizer and the weights: for each file that is there its name, a line
 * feed, its size, a line feed, its bytes.
 *
 * @throws RestillError `MODEL_DAMAGED` naming a file that cannot be read.
 */
export function modelDigest(path: string): string {
  const there = names.filter((name) => existsSync(join(path, name)));
  const shards = there.includes(indexName) ? shardsOf(readText(path, indexName)) : [];
  const hash = createHash('sha256');
  for (const name of [...there, ...shards]) {
    const { bytes, read } = fileSource(path, name);
    hash.update(`${name}\n${bytes}\n`);
    for (let at = 0; at < bytes; at += pieceBytes) hash.update(read(at, Math.min(pieceBytes, bytes - at)));
  }
  return hash.digest('hex');
}
