// onnxruntime in Node loads what `restill export` writes. It is used here as a stranger would: the model, and
// golden.jsonl beside it, nothing of ours between. Invariants:
// - float32 models give the golden logits within 1e-4, of a student with segments and of one without; for
//   Triton too (MiniLM's own weights: consumers.test.ts)
// - models in 8 bits give them within the tolerance that their bundle states, asked one by one
// - a batch of all texts, padded to the longest, gives what one by one gives
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addExportCommand } from '../../src/commands/export.ts';
import { runCommand } from '../support/command-line.ts';
import { generationsIn } from '../support/exported.ts';
import { nodeLogits, type Sequence } from '../support/onnx-node.ts';

const root = mkdtempSync(join(tmpdir(), 'restill-consumers-node-'));

beforeAll(async () => {
  await generationsIn(join(root, 'small'), [1]);
  await generationsIn(join(root, 'plain'), [2], { segments: 'none' });
});
afterAll(() => rmSync(root, { recursive: true }));

interface Golden extends Sequence {
  readonly logit: number;
}

let count = 0;
async function exported(student: string, ...argv: string[]): Promise<string> {
  const out = join(root, `out-${count++}`);
  const { error } = await runCommand(
    addExportCommand,
    'export',
    'latest',
    ...['--data', join(root, student), '--out', out, ...argv],
  );
  expect(error).toBeNull();
  return out;
}

const goldenOf = (bundle: string): Golden[] =>
  readFileSync(join(bundle, 'golden.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Golden);

const largestGap = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe('in onnxruntime', () => {
  it.each([
    ['small', 'onnx', 'onnx/model.onnx'],
    ['small', 'triton', '1/model.onnx'],
    ['plain', 'onnx', 'onnx/model.onnx'],
  ])('a %s student for %s gives its golden logits', async (student, format, model) => {
    const out = await exported(student, '--to', format);
    const golden = goldenOf(format === 'triton' ? join(out, '1') : out);
    const expected = golden.map(({ logit }) => logit);
    expect(existsSync(join(out, model))).toBe(true);
    const alone = await nodeLogits(
      join(out, model),
      golden.map((vector) => [vector]),
    );
    expect(largestGap(alone, expected)).toBeLessThan(1e-4);
    expect(largestGap(await nodeLogits(join(out, model), [golden]), expected)).toBeLessThan(1e-4);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
  });

  it('a model in 8 bits gives them within its tolerance', async () => {
    const out = await exported('small', '--to', 'onnx', '--int8', '--int8-drop-max', '1');
    const golden = goldenOf(out);
    const { tolerance } = JSON.parse(readFileSync(join(out, 'bundle.json'), 'utf8')) as { tolerance: number };
    const alone = await nodeLogits(
      join(out, 'onnx/model.onnx'),
      golden.map((vector) => [vector]),
    );
    const expected = golden.map(({ logit }) => logit);
    expect(tolerance).toBeLessThan(0.05);
    expect(largestGap(alone, expected)).toBeLessThan(tolerance);
    // They are those of 8 bits, not of the student.
    const exact = goldenOf(await exported('small', '--to', 'onnx')).map(({ logit }) => logit);
    expect(largestGap(exact, expected)).toBeGreaterThan(1e-4);
  });
});
