// Invariants of `restill export --what teacher`:
// 1. A teacher with an adapter is written as PEFT does it, or merged; one without is written whole.
// 2. Read back as a model directory, a merged or whole one scores as the teacher did, within 1e-4.
// 3. PEFT and transformers give the teacher's own logits within 1e-4, on our token ids, in a padded batch.
// 4. --merged without an adapter, or with another model in the directory by now, is refused by name.
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addExportCommand } from '../../src/commands/export.ts';
import { openStarts, startDigests } from '../../src/commands/start-models.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { openTeacher, teacherShape } from '../../src/trainer/teacher.tf.ts';
import { finetuneTurn } from '../../src/trainer/turn.ts';
import { runCommand } from '../support/command-line.ts';
import { goldenPath } from '../support/golden.ts';
import { pythonWith, runPython } from '../support/python.ts';
import { promote, storeAt } from '../support/snapshots.ts';
import { backend } from '../support/tensor.ts';
import { disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

const root = mkdtempSync(join(tmpdir(), 'restill-test-'));
afterAll(() => {
  disposeBenches();
  rmSync(root, { recursive: true, force: true });
});

const restill = (...argv: string[]) => runCommand(addExportCommand, 'export', ...argv);
const groups = streamOf(10);
// The tiny model reads 48 tokens, most of which are letters.
const document = { title: 'sock', summary: 'red' };
const queries = ['red sock', 'a', 'quo ted'];
const texts = queries.map(
  (query) => `query: ${query}\ntitle: ${document.title}\nsummary: ${document.summary}`,
);
const lora = { rank: 2, alpha: 16, target_modules: ['q_proj', 'v_proj', 'down_proj'] };

/** A data directory with a generation of a teacher that has learnt something, and what it says. */
async function generation(adapter: typeof lora | null) {
  const data = mkdtempSync(join(root, 'data-'));
  const start = join(data, 'model');
  cpSync(goldenPath('tiny/llama-tied'), start, { recursive: true });
  const teacher = { start, heads: 4, key_value_heads: 2, tokens_max: 48, adapter };
  const config = tinyConfig({ teacher, finetune: { learning_rate: 0.05 } });
  const { shop, fixed } = await openBench({ groups, config, starts: openStarts(config, true) });
  for (const _ of finetuneTurn(shop, { from: 0, to: 10 }));
  const ids = queries.map((query) => shop.encoders.teacherScore(query, document));
  const scores = shop.teacher.score(ids);
  const starts = startDigests(config);
  const { store } = await storeAt(join(data, 'generations'));
  const snapshot = takeSnapshot(shop, fixed, { scheduled: true, configDigest: 'a'.repeat(64), starts });
  await store.publish(snapshot, promote);
  const out = join(data, 'out');
  const run = (...options: string[]) =>
    restill('latest', '--data', data, '--out', out, '--what', 'teacher', ...options);
  return { start, config, ids, scores, out, run };
}

const shared = ['README.md', 'SHA256SUMS', 'config.json', 'tokenizer.json', 'tokenizer_config.json'];
const forms: [string, typeof lora | null, string[], string[]][] = [
  ['an adapter', lora, [], ['adapter_config.json', 'adapter_model.safetensors']],
  ['a merged adapter', lora, ['--merged'], ['model.safetensors']],
  ['all weights', null, [], ['model.safetensors']],
];

const python = pythonWith('torch', 'transformers', 'peft');
const program = fileURLToPath(new URL('../golden/teacher_consumers.py', import.meta.url));

interface Consumed {
  readonly ids: number[][];
  readonly logits: number[];
  readonly unmatched: string[];
}

const expectScores = (actual: ArrayLike<number>, expected: Float32Array) => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, score] of expected.entries()) expect(Math.abs(actual[i]! - score)).toBeLessThan(1e-4);
};

const kept = new Map<string, Awaited<ReturnType<typeof generation>>>();
const consumed = new Map<string, Consumed>();

beforeAll(async () => {
  const inputs = [];
  for (const [form, adapter, options, weights] of forms) {
    const made = await generation(adapter);
    kept.set(form, made);
    expect((await made.run(...options)).error).toBeNull();
    inputs.push({ directory: made.out, base: weights.length > 1 ? made.start : null, texts });
  }
  if (python === null) return;
  const output = runPython(python, [program], { input: JSON.stringify(inputs) });
  const all = JSON.parse(output.toString()) as Consumed[];
  for (const [i, one] of all.entries()) consumed.set(forms[i]![0], one);
}, 300_000);

describe.each(forms)('%s', (form, _, __, weights) => {
  const isAdapter = weights.length > 1;

  it('is written with a card', () => {
    const { out, scores } = kept.get(form)!;
    expect(readdirSync(out).toSorted()).toEqual([...shared, ...weights].toSorted());
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain(isAdapter ? 'PeftModel' : 'AutoModelFor');
    expect(Math.max(...scores) - Math.min(...scores)).toBeGreaterThan(1e-3);
  });

  it.skipIf(isAdapter)('read back scores as the teacher did', () => {
    const { config, ids, scores, out } = kept.get(form)!;
    const loaded = openModelDirectory(out, { seed: 9, layers: null });
    if (loaded.family !== 'llama') throw new Error('not a decoder');
    expect(loaded.fresh).toEqual([]);
    const shape = teacherShape(loaded.config, { ...config.teacher, adapter: null });
    const teacher = openTeacher(backend, shape, config, null);
    teacher.restore({ weights: loaded.weights, moments: new Map() });
    expectScores(teacher.score(ids), scores);
    teacher.dispose();
  });

  it.skipIf(python === null)('scores the same in the tools of others', () => {
    const { ids, scores } = kept.get(form)!;
    const { unmatched, ids: theirs, logits } = consumed.get(form)!;
    expect(unmatched).toEqual([]);
    expect(theirs).toEqual(ids.map((row) => [...row]));
    expectScores(logits, scores);
  });
});

describe('--merged', () => {
  it('without an adapter is refused', async () => {
    const { run } = await generation(null);
    expect((await run('--merged')).error).toMatchObject({ code: 'USAGE' });
    const { error } = await restill('latest', '--data', 'x', '--out', 'y', '--merged');
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('--what teacher') });
  });

  it('is refused when the directory holds another model by now', async () => {
    const { start, out, run } = await generation(lora);
    appendFileSync(join(start, 'config.json'), '\n');
    expect((await run('--merged')).error).toMatchObject({
      code: 'GENERATION_FOREIGN',
      message: expect.stringContaining(start),
    });
    rmSync(out, { recursive: true, force: true });
    expect((await run()).error).toBeNull();
  });
});
