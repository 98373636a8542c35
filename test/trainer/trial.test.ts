// The candidate beside the live student, with real models: both on the same sets and labels, the present
// student unharmed afterwards (promise 4), the verdict's proof reproducible from what is stored, anchors part
// of the state (promise 3), and no text in the proof (promise 12).
import { afterEach, describe, expect, it } from 'vitest';
import { evaluationFile } from '../../src/checkpoint/evaluation-file.ts';
import { unseal } from '../../src/checkpoint/sealed-json.ts';
import type { Comparison } from '../../src/evidence.ts';
import { randomFor } from '../../src/random.ts';
import { intervals } from '../../src/trainer/comparison.ts';
import { evaluateTurn } from '../../src/trainer/evaluate.ts';
import { judgedSet } from '../../src/trainer/evaluation.ts';
import type { ModelState } from '../../src/trainer/models.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { decodeState } from '../../src/trainer/state.ts';
import { tryCandidate } from '../../src/trainer/trial.ts';
import { groupOf } from '../support/groups.ts';
import { disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

afterEach(disposeBenches);

const groups = streamOf(20, (i) => ({
  results: groupOf(i).results.map((result, at) => ({ ...result, satisfied: at === 1 })),
}));
const judged = judgedSet(
  ['red shoe', 'blue hat'].map((query) => ({
    queryId: query,
    query,
    documents: [0, 1, 2].map((i) => ({ documentId: `d${i}`, title: `title ${i}`, summary: 'a summary' })),
    grades: [0, 1, 2],
  })),
  () => true,
);

/** After EVALUATE, at the cursor of a snapshot; the second student is another one. */
async function bench(gate: Readonly<Record<string, unknown>> = {}) {
  const opened = await openBench({ groups, judged, config: tinyConfig({ gate }) });
  const { shop } = opened;
  evaluateTurn(shop, { from: 0, to: 20 });
  shop.state.position = { ...shop.state.position, cursor: 20 };
  const own = shop.student.state();
  const random = randomFor(9, 'other');
  const weights = new Map(
    [...own.weights].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + 0.3 * random.normal()) },
    ]),
  );
  const other: ModelState = { weights, moments: new Map() };
  return { ...opened, shop, own, other, figures: shop.state.curve.at(-1)!.figures };
}

const means = (comparisons: readonly Comparison[]) =>
  comparisons.map(({ on, ndcg10, lnPnr }) => [on, ndcg10.mean, lnPnr.mean]);

describe('a trial', () => {
  it('is held on judgments, on recent clicks and on the anchor', async () => {
    const { shop, other, figures } = await bench();
    const trial = tryCandidate(shop, other, figures);
    expect(trial.comparisons.map(({ on, queries }) => [on, queries.length])).toEqual([
      ['judgments', 2],
      ['clicks', 4],
      ['anchor', 4],
    ]);
    expect(trial).toMatchObject({ cursor: 20, queries: 2, nonFinite: 0 });
    expect(trial.agreement).toBe(figures['judgments.agreement']);
    expect(trial.spread).toBeGreaterThan(0);
    const { candidate, live } = trial.comparisons[0]!.queries[0]!;
    expect([candidate.ndcg10, live.ndcg10].every((value) => value > 0 && value <= 1)).toBe(true);
  });

  it('of a student against itself shows no difference; changing places changes the sign', async () => {
    const { shop, own, other, figures } = await bench();
    const against = tryCandidate(shop, other, figures);
    expect(means(tryCandidate(shop, own, figures).comparisons).flat()).toEqual(
      ['judgments', 'clicks', 'anchor'].flatMap((on) => [on, 0, 0]),
    );
    shop.student.restore(other);
    const swapped = tryCandidate(shop, own, figures);
    expect(means(swapped.comparisons)).toEqual(
      means(against.comparisons).map(([on, ndcg10, lnPnr]) => [
        on,
        expect.closeTo(-(ndcg10 as number), 12),
        expect.closeTo(-(lnPnr as number), 12),
      ]),
    );
  });

  it('gives the same again, and leaves the present student as it was', async () => {
    const { shop, own, other, figures } = await bench();
    const once = tryCandidate(shop, other, figures);
    expect(tryCandidate(shop, other, figures)).toEqual(once);
    expect(shop.student.state().weights).toEqual(own.weights);
  });

  it('without a live student, or of one that gives no numbers, compares nothing', async () => {
    const { shop, own, other, figures } = await bench();
    expect(tryCandidate(shop, null, figures).comparisons).toEqual([]);
    const broken = { ...own, weights: new Map([...own.weights].map(([name, t]) => [name, poisoned(t)])) };
    expect(tryCandidate(shop, broken, figures).comparisons).toEqual([]);
    shop.student.restore(broken);
    const trial = tryCandidate(shop, other, figures);
    expect(trial).toMatchObject({ spread: null, comparisons: [] });
    expect(trial.nonFinite).toBeGreaterThan(0);
    evaluateTurn(shop, { from: 0, to: 20 });
    expect(shop.state.curve.at(-1)!.figures).not.toHaveProperty('judgments.student.ndcg10');
  });

  it('can be reckoned again from the file that goes into the generation, which holds no text', async () => {
    const { shop, other, figures, config } = await bench({ resamples: 300 });
    const trial = tryCandidate(shop, other, figures);
    const { bytes } = evaluationFile(trial);
    const stored = unseal(bytes) as unknown as { comparisons: Comparison[]; cursor: number };
    for (const { on, queries, ndcg10, lnPnr } of stored.comparisons)
      expect(intervals(queries, randomFor(config.seed, 'gate', on, stored.cursor), config.gate)).toEqual({
        ndcg10,
        lnPnr,
      });
    for (const text of ['red shoe', 'title 1', 'query 4', 'summary'])
      expect(Buffer.from(bytes).toString()).not.toContain(text);
  });
});

const poisoned = (tensor: { readonly shape: readonly number[]; readonly data: Float32Array }) => ({
  ...tensor,
  data: tensor.data.map(() => Number.NaN),
});

describe('the anchor', () => {
  it('is part of the generation, and can be switched off', async () => {
    const { shop, fixed, other, figures } = await bench();
    const o = { scheduled: true, configDigest: 'c', starts: { student: null, teacher: null } };
    const state = takeSnapshot(shop, fixed, o).files.find(({ path }) => path === 'state.json')!;
    expect(decodeState(state.bytes).anchor).toEqual(shop.state.anchor);
    expect(new Set(shop.state.anchor.map(({ unit }) => unit))).toEqual(new Set(['k4', 'k9', 'k14', 'k19']));
    const off = await bench({ anchor_queries: 0 });
    expect(off.shop.state.anchor).toEqual([]);
    expect(tryCandidate(off.shop, other, figures).comparisons).toHaveLength(2);
  });
});
