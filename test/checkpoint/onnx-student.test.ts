// Invariants:
// - onnx's checker accepts the model, and onnxruntime's logits on padded batches of mixed lengths are the
//   student's within 1e-4, whatever the depth, the head count and the batch
// - what stands in a pad, and how wide the batch is padded, changes nothing
// - in 8 bits they are those of our own arithmetic, batch by batch, and near the student's
// - inputs and outputs are named, typed and open as servers expect; equal weights give equal bytes
import { describe, expect, it } from 'vitest';
import { readOnnx } from '../../src/checkpoint/onnx-reader.ts';
import { encodeStudent, onnxInputs, onnxOpset, onnxOutputs } from '../../src/checkpoint/onnx-student.ts';
import { openServedStudent } from '../../src/checkpoint/student.tf.ts';
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { bertParameters, bertScores } from '../../src/tensor/bert.ts';
import type { BertConfig } from '../../src/tensor/model-config.ts';
import { pack } from '../../src/tensor/packing.ts';
import { onnxLogits, onnxPython } from '../support/onnx.ts';
import { config } from '../support/student.ts';
import { backend, computed, lively } from '../support/tensor.ts';

const shapes: BertConfig[] = [
  config,
  { ...config, layers: 1, heads: 1 },
  { ...config, layers: 3, hidden: 24, heads: 4, intermediate: 40, epsilon: 1e-5 },
];
const o = { precision: 'float32', metadata: {} } as const;

const sequencesOf = (lengths: readonly number[], { vocabulary }: BertConfig) =>
  lengths.map((length, i) => {
    const random = randomFor(i, 'sequence', length);
    return {
      ids: Int32Array.from({ length }, () => random.below(vocabulary)),
      segments: Int32Array.from({ length }, (_, at) => (at > length / 3 ? 1 : 0)),
    };
  });

const batchesOf = (shape: BertConfig) => [[2, 24, 1, 9], [7], [24, 24, 3]].map((l) => sequencesOf(l, shape));

/** What our compiled student says. */
function studentScores(shape: BertConfig, weights: Tensors, batch: ReturnType<typeof sequencesOf>): number[] {
  return [...computed(weights, { ...pack(batch) }, (ops, inputs) => bertScores(ops, shape, inputs))];
}

const largestGap = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe.skipIf(onnxPython === null)('in onnxruntime', () => {
  it('scores as the student does', () => {
    const tasks = shapes.map((shape) => {
      const weights = lively(bertParameters(shape), 3);
      return { shape, weights, model: encodeStudent(shape, weights, o), batches: batchesOf(shape) };
    });
    const answers = onnxLogits(tasks);
    tasks.forEach(({ shape, weights, batches }, i) => {
      const expected = batches.map((batch) => studentScores(shape, weights, batch));
      expect(largestGap(answers[i]!.flat(), expected.flat())).toBeLessThan(1e-4);
      expect(Math.max(...expected.flat()) - Math.min(...expected.flat())).toBeGreaterThan(0.1);
    });
  });

  it('scores a sequence as it does in any other batch', () => {
    const weights = lively(bertParameters(config), 4);
    const model = encodeStudent(config, weights, o);
    const sequences = sequencesOf([5, 24, 11, 2], config);
    const [[together, ...alone]] = onnxLogits([
      { model, batches: [sequences, ...sequences.map((s) => [s])] },
    ]) as [number[][]];
    expect(largestGap(together!, alone.flat())).toBeLessThan(1e-5);
  });

  it('scores nearly the same in 8 bits', () => {
    const weights = lively(bertParameters(config), 5);
    const batches = batchesOf(config);
    const precisions = ['float32', 'int8'] as const;
    const models = precisions.map((precision) => encodeStudent(config, weights, { ...o, precision }));
    const [exact, rough] = onnxLogits(models.map((model) => ({ model, batches })));
    const ours = openServedStudent(backend, config, weights, 'int8');
    const expected = batches.flatMap((batch) => [...ours.score(batch)]);
    ours.dispose();
    expect(largestGap(rough!.flat(), expected)).toBeLessThan(1e-3);
    const gap = largestGap(exact!.flat(), rough!.flat());
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThan(0.1);
  });
});

describe('the file', () => {
  const weights = lively(bertParameters(config), 6);

  it('says what it takes and gives', () => {
    const metadata = { generation: 'g000007' };
    const header = readOnnx(encodeStudent(config, weights, { ...o, metadata }));
    expect(header).toEqual({ opset: onnxOpset, inputs: onnxInputs, outputs: onnxOutputs, metadata });
    expect(onnxInputs.map(({ name }) => name)).toEqual(['input_ids', 'attention_mask', 'token_type_ids']);
    expect(onnxInputs.every(({ type }) => type === 'int64')).toBe(true);
  });

  it('is the same for the same weights', () => {
    const again = lively(bertParameters(config), 6);
    const files = [weights, new Map([...again].reverse())].map((w) => encodeStudent(config, w, o));
    expect(Buffer.compare(files[0]!, files[1]!)).toBe(0);
  });

  it('is a quarter of the size in 8 bits', () => {
    const shape = { ...config, hidden: 64, intermediate: 256, vocabulary: 1000 };
    const wide = lively(bertParameters(shape), 7);
    const [whole, small] = (['float32', 'int8'] as const).map(
      (precision) => encodeStudent(shape, wide, { ...o, precision }).length,
    );
    expect(small! / whole!).toBeLessThan(0.36);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('no model')],
    ['half of it', encodeStudent(config, weights, o).subarray(0, 5000)],
  ])('is not %s', (_, bytes) => {
    expect(() => readOnnx(bytes)).toThrowError(/no ONNX model/);
  });
});
