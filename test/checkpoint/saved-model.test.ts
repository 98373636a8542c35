// Invariants:
// - TensorFlow loads the graph, and gives the student's logits within 1e-4 on a padded batch of mixed lengths
// - Python's loader finds the signature, by the names that servers use (RESTILL_TENSORFLOW_PYTHON)
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scoreSavedModel } from '../../src/checkpoint/saved-model.tf.ts';
import { encodeFrozenStudent } from '../../src/checkpoint/saved-model.ts';
import { openServedStudent } from '../../src/checkpoint/student.tf.ts';
import { randomFor } from '../../src/random.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { runPython } from '../support/python.ts';
import { config } from '../support/student.ts';
import { backend, lively } from '../support/tensor.ts';

const weights = lively(bertParameters(config), 8);
const batch = [2, 24, 1, 9].map((length, i) => {
  const random = randomFor(i, 'sequence', length);
  return {
    ids: Int32Array.from({ length }, () => random.below(config.vocabulary)),
    segments: Int32Array.from({ length }, (_, at) => (at > length / 3 ? 1 : 0)),
  };
});

function written(): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'saved_model.pb'), encodeFrozenStudent(config, weights));
  return directory;
}

function expected(): Float32Array {
  const student = openServedStudent(backend, config, weights, 'float32');
  const scores = student.score(batch);
  student.dispose();
  return scores;
}

const largestGap = (a: readonly number[], b: Float32Array): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

it('scores as the student does, and leaves nothing behind', () => {
  const tensors = backend.binding.getNumOfTensors();
  const scores = scoreSavedModel(backend, written(), batch);
  expect(scores.length).toBe(batch.length);
  expect(largestGap(scores, expected())).toBeLessThan(1e-4);
  expect(backend.binding.getNumOfTensors()).toBe(tensors);
});

/** TensorFlow's Python is no part of CI's: it is asked for by name. */
const tensorflowPython = process.env.RESTILL_TENSORFLOW_PYTHON ?? null;

const program = `
import json, sys
import tensorflow as tf
rows = json.load(sys.stdin)
score = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
logits = score(**{name: tf.constant(row, tf.int64) for name, row in rows.items()})["logits"].numpy()
print(json.dumps(logits.tolist()))`;

it.skipIf(tensorflowPython === null)('has the signature that Python finds', () => {
  const longest = 24;
  const fill = (values: Int32Array) => [...values, ...Array<number>(longest - values.length).fill(0)];
  const input = JSON.stringify({
    input_ids: batch.map(({ ids }) => fill(ids)),
    attention_mask: batch.map(({ ids }) => fill(ids.map(() => 1))),
    token_type_ids: batch.map(({ segments }) => fill(segments)),
  });
  const found = JSON.parse(
    runPython(tensorflowPython!, ['-c', program, written()], { input }).toString(),
  ) as number[][];
  expect(found.every((row) => row.length === 1)).toBe(true);
  expect(largestGap(found.flat(), expected())).toBeLessThan(1e-4);
});
