// Invariants:
// - sequences of any lengths are scored as plain loops score them, in their order, however they share grids
// - what is no model is refused by name
import { describe, expect, it } from 'vitest';
import { encodeStudent } from '../../src/checkpoint/onnx-student.ts';
import { randomFor } from '../../src/random.ts';
import { openScorer } from '../../src/serving/scorer.ort.ts';
import { plainBertScore } from '../support/plain-models.ts';
import { servedModel, weightsOf } from '../support/served.ts';

describe('a student in onnxruntime', () => {
  it('gives the logits of plain loops, in order', async () => {
    const weights = weightsOf(5);
    const model = encodeStudent(servedModel, weights, { precision: 'float32', metadata: {} });
    const engine = await openScorer(model, { threads: 1 });
    const random = randomFor(1, 'sequences');
    const lengths = [5, 24, 1, 7, 7, 24, 3, 12, 2, 5, 5, 5];
    const sequences = lengths.map((length) => ({
      ids: Int32Array.from({ length }, () => random.below(servedModel.vocabulary)),
      segments: Int32Array.from({ length }, (_, i) => (i > length / 2 ? 1 : 0)),
    }));
    const logits = await engine.score(sequences);
    const plain = sequences.map(({ ids, segments }) => plainBertScore(servedModel, weights, ids, segments));
    expect(Math.max(...plain.map((logit, i) => Math.abs(logit - logits[i]!)))).toBeLessThan(1e-5);
    expect(Math.max(...plain) - Math.min(...plain)).toBeGreaterThan(0.01);
    expect((await engine.score([])).length).toBe(0);
    await engine.dispose();
  });

  it('refuses what is no model', async () => {
    await expect(openScorer(Buffer.from('no model'), { threads: 1 })).rejects.toMatchObject({
      code: 'MODEL_DAMAGED',
    });
  });
});
