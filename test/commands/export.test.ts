// Invariants:
// - the generation named is the one exported, and the command says which and where
// - every format has golden vectors, sums and a card, its model where its server looks, and verifies
// - a student trained without segments scores the same whatever a server sends as segments
// - what does not fit together is refused before anything is written; help has an example
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeGolden } from '../../src/checkpoint/golden.ts';
import { readOnnx } from '../../src/checkpoint/onnx-reader.ts';
import { openServedStudent } from '../../src/checkpoint/student.tf.ts';
import { addExportCommand } from '../../src/commands/export.ts';
import { verifyBundle } from '../../src/commands/verify-bundle.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { runCommand } from '../support/command-line.ts';
import { generationsIn } from '../support/exported.ts';
import { onnxPython } from '../support/onnx.ts';
import { backend } from '../support/tensor.ts';

const restill = (...argv: string[]) => runCommand(addExportCommand, 'export', ...argv);
const root = mkdtempSync(join(tmpdir(), 'restill-export-'));
const data = join(root, 'data');
const plain = join(root, 'plain');

beforeAll(async () => {
  await generationsIn(data, [1, 2]);
  await generationsIn(plain, [3], { segments: 'none' });
});
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
const fresh = (): string => join(root, `out-${count++}`);
const exported = async (name: string, ...argv: string[]): Promise<string> => {
  const out = fresh();
  expect((await restill(name, '--data', data, '--out', out, ...argv)).error).toBeNull();
  return out;
};
const textOf = (...path: string[]): string => readFileSync(join(...path), 'utf8');

it.each([
  ['live', 'g000001'],
  ['latest', 'g000002'],
  ['g000002', 'g000002'],
])('exports %s', async (name, id) => {
  const out = fresh();
  const { out: said, error } = await restill(name, '--to', 'hf', '--data', data, '--out', out);
  expect(error).toBeNull();
  expect(said).toMatch(/^README\.md +\d/m);
  expect(said).toContain(`generation ${id} written to ${out}\n`);
  expect(JSON.parse(textOf(out, 'bundle.json'))).toMatchObject({
    generation: id,
    format: 'hf',
    tokensMax: 24,
  });
});

it('prints the files as JSON', async () => {
  const out = fresh();
  const printed = JSON.parse((await restill('live', '--data', data, '--out', out, '--json')).out);
  expect(printed).toMatchObject({ generation: 'g000001', directory: out });
  expect(printed.files.map((file: { path: string }) => file.path)).toEqual(
    readdirSync(out)
      .sort()
      .filter((name) => name !== 'SHA256SUMS'),
  );
});

it('replaces an earlier export with --force only', async () => {
  const argv = ['live', '--data', data, '--out', fresh()];
  await restill(...argv);
  expect((await restill(...argv)).error).toMatchObject({ code: 'USAGE' });
  expect((await restill(...argv, '--force')).error).toBeNull();
  const other = fresh();
  mkdirSync(other);
  const elsewhere = ['live', '--data', data, '--out', other, '--force'];
  expect((await restill(...elsewhere)).error).toMatchObject({ code: 'USAGE' });
});

describe('a bundle', () => {
  it.each([
    ['hf', 'model.safetensors', ''],
    ['onnx', 'onnx/model.onnx', ''],
    ['triton', 'model.onnx', '2'],
    ['tfserving', 'saved_model.pb', '2'],
    ['opensearch', 'model.zip', ''],
  ])('for %s is whole and verifies', async (format, model, folder) => {
    const out = join(await exported('latest', '--to', format), folder);
    expect(existsSync(join(out, model))).toBe(true);
    expect(textOf(out, 'README.md')).toContain('pipeline_tag: text-ranking');
    const listed = textOf(out, 'SHA256SUMS').split('\n').filter(Boolean);
    expect(listed.map((line) => line.slice(66))).toContain(model);
    expect(decodeGolden(textOf(out, 'golden.jsonl')).length).toBeGreaterThan(15);
    const { faults, generation } = await verifyBundle(out, { python: onnxPython, tolerance: null });
    expect({ faults, generation }).toEqual({ faults: [], generation: 'g000002' });
  });

  it('for Triton stands beside the versions that are there', async () => {
    const out = fresh();
    for (const name of ['g000001', 'g000002'])
      expect((await restill(name, '--data', data, '--to', 'triton', '--out', out)).error).toBeNull();
    expect(readdirSync(out).sort()).toEqual(['1', '2', 'config.pbtxt']);
    expect(textOf(out, 'config.pbtxt')).toContain('platform: "onnxruntime_onnx"');
    writeFileSync(join(out, 'config.pbtxt'), 'mine');
    await restill('g000002', '--data', data, '--to', 'triton', '--out', out, '--force');
    expect(textOf(out, 'config.pbtxt')).toBe('mine');
    expect(readOnnx(readFileSync(join(out, '1', 'model.onnx'))).metadata.generation).toBe('g000001');
  });

  it('for OpenSearch says size and hash of its archive', async () => {
    const out = await exported('latest', '--to', 'opensearch');
    const zip = readFileSync(join(out, 'model.zip'));
    const register = JSON.parse(textOf(out, 'register.json'));
    expect(register.model_content_size_in_bytes).toBe(zip.length);
    expect(textOf(out, 'SHA256SUMS')).toContain(`${register.model_content_hash_value}  model.zip`);
    expect(register.function_name).toBe('TEXT_SIMILARITY');
  });

  it('in 8 bits says what they cost', async () => {
    const out = await exported('latest', '--to', 'onnx', '--int8', '--int8-drop-max', '1');
    const { precision, cost } = JSON.parse(textOf(out, 'bundle.json'));
    expect(precision).toBe('int8');
    expect(cost.logitMaxGap).toBeGreaterThan(cost.logitMeanGap);
    expect(cost.logitMeanGap).toBeGreaterThan(0);
    expect(textOf(out, 'README.md')).toContain('What 8 bits cost');
    expect((await verifyBundle(out, { python: onnxPython, tolerance: null })).faults).toEqual([]);
  });

  it('of a student without segments gives its scores with them too', async () => {
    const out = fresh();
    await restill('latest', '--data', plain, '--out', out);
    const golden = decodeGolden(textOf(out, 'golden.jsonl'));
    expect(golden.every(({ segments }) => segments.every((segment) => segment === 0))).toBe(true);
    const segmented = golden.map((vector) => ({
      ...vector,
      segments: vector.ids.map((_, at) => (at > vector.ids.length / 2 ? 1 : 0)),
    }));
    const scores = scoresOf(out, segmented);
    scores.forEach((score, i) => {
      expect(Math.abs(score - golden[i]!.logit)).toBeLessThan(1e-6);
    });
  });
});

/** By the exported weights alone. */
function scoresOf(
  directory: string,
  vectors: readonly { readonly ids: readonly number[]; readonly segments: readonly number[] }[],
): number[] {
  const model = openModelDirectory(directory, { seed: 1, layers: null });
  if (model.family !== 'bert') throw new Error('no student');
  const student = openServedStudent(backend, model.config, model.weights, 'float32');
  const pairs = vectors.map(({ ids, segments }) => ({
    ids: Int32Array.from(ids),
    segments: Int32Array.from(segments),
  }));
  const scores = pairs.map((pair) => student.score([pair])[0]!);
  student.dispose();
  return scores;
}

describe('refused', () => {
  it.each([
    [['--to', 'hf', '--int8'], 'USAGE', /--int8/],
    [['--to', 'tfserving', '--int8'], 'USAGE', /--int8/],
    [['--what', 'teacher', '--to', 'onnx'], 'USAGE', /teacher/],
    [['--merged'], 'USAGE', /--merged/],
    [['--to', 'coreml'], 'commander.invalidArgument', /coreml/],
    [['--to', 'onnx', '--int8', '--int8-drop-max', '2'], 'commander.invalidArgument', /0 to 1/],
  ])('%j', async (argv, code, message) => {
    const out = fresh();
    const { error } = await restill('latest', '--data', data, '--out', out, ...argv);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(existsSync(out)).toBe(false);
  });
});

it('help has an example', async () => {
  expect((await restill('--help')).out).toContain('restill export live --data shop --out models/shop');
});
