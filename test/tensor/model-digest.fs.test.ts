// Invariants: any byte of config, tokenizer or weights (each shard of them) changes the digest, and so does a
// file more or less; where the directory lies and what else is in it does not, an index that is left over
// beside whole weights included. What is gone is named, not hashed as nothing. One digest by hand.
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelDigest } from '../../src/tensor/model-digest.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { goldenPath } from '../support/golden.ts';

/** llama-untied is sharded. */
function copyOf(model: string): string {
  const directory = temporaryDirectory();
  cpSync(goldenPath(`tiny/${model}`), directory, { recursive: true });
  return directory;
}

it('is SHA-256 over names, sizes and contents', () => {
  const directory = temporaryDirectory();
  const files = { 'config.json': '{}', 'tokenizer.json': '{"a":1}', 'model.safetensors': 'xyz' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const text = 'config.json\n2\n{}tokenizer.json\n7\n{"a":1}model.safetensors\n3\nxyz';
  expect(modelDigest(directory)).toBe(createHash('sha256').update(text).digest('hex'));
});

it.each(['bert-bare', 'llama-untied'])('sees every byte of %s, and nothing else', (model) => {
  const directory = copyOf(model);
  const digest = modelDigest(directory);
  expect(modelDigest(goldenPath(`tiny/${model}`))).toBe(digest);
  const parts = readdirSync(directory).filter((name) => name !== 'expected.json');
  expect(parts.length).toBeGreaterThan(3);
  for (const name of parts.filter((part) => !part.endsWith('index.json'))) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (const place of [0, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[place]! ^= 1;
      writeFileSync(path, changed);
      expect(modelDigest(directory), name).not.toBe(digest);
    }
    writeFileSync(path, bytes);
  }
  writeFileSync(join(directory, 'README.md'), 'words');
  expect(modelDigest(directory)).toBe(digest);
  rmSync(join(directory, 'tokenizer_config.json'));
  expect(modelDigest(directory)).not.toBe(digest);
});

it('names a shard that is gone', () => {
  const directory = copyOf('llama-untied');
  const shard = readdirSync(directory).find((name) => name.endsWith('.safetensors'))!;
  rmSync(join(directory, shard));
  expect(() => modelDigest(directory)).toThrow(
    expect.objectContaining({ code: 'MODEL_DAMAGED', message: expect.stringContaining(shard) }),
  );
});

it('looks at no index beside whole weights, as nothing else does', () => {
  const directory = copyOf('bert-bare');
  const digest = modelDigest(directory);
  const index = { metadata: {}, weight_map: { x: 'model-00001-of-00002.safetensors' } };
  writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify(index));
  expect(modelDigest(directory)).toBe(digest);
});

it.each(['config.json', 'tokenizer.json', 'model.safetensors'])('names %s where it is gone', (name) => {
  const directory = copyOf('bert-bare');
  rmSync(join(directory, name));
  expect(() => modelDigest(directory)).toThrow(
    expect.objectContaining({ code: 'MODEL_DAMAGED', message: expect.stringContaining(name) }),
  );
});
