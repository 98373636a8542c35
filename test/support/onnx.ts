// Runs ONNX models as onnxruntime's users do: in Python. One process for many models, as it takes a second.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './directory.ts';
import { pythonWith, runPython } from './python.ts';

export const onnxPython = pythonWith('onnx', 'onnxruntime');

export interface OnnxTask {
  readonly model: Uint8Array;
  /** Each is padded to its longest sequence. */
  readonly batches: readonly (readonly { readonly ids: Int32Array; readonly segments: Int32Array }[])[];
}

/** Logits by model and batch. The models have passed onnx's checker. */
export function onnxLogits(tasks: readonly OnnxTask[]): number[][][] {
  const directory = temporaryDirectory();
  const request = tasks.map(({ model, batches }, i) => {
    const file = join(directory, `${i}.onnx`);
    writeFileSync(file, model);
    const plain = batches.map((b) => b.map((s) => ({ ids: [...s.ids], segments: [...s.segments] })));
    return { model: file, batches: plain };
  });
  const answer = runPython(onnxPython!, ['scripts/onnx_scores.py'], { input: JSON.stringify(request) });
  return JSON.parse(answer.toString()) as number[][][];
}
