// Promise 6: DISTILL meets no label older than labels.staleness_max versions, fresh groups get one of this
// version, replayed ones keep theirs as long as they may. An interrupted SCORE leaves no trace. Labels are
// what the teacher says, calibrated per version. Promise 11: what DISTILL needs is not forgotten, however
// small the table. A score depends neither on the batch nor on the order in which it is computed.
import { afterEach, describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { calibrate } from '../../src/trainer/calibration.ts';
import { labelKey } from '../../src/trainer/labels.ts';
import type { EncodedDistillation } from '../../src/trainer/models.ts';
import { scoreTurn, teacherScores } from '../../src/trainer/score.ts';
import { distillPlan, distillTurn, documentOf, type Workshop } from '../../src/trainer/turn.ts';
import { type Bench, disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

afterEach(disposeBenches);

const groups = streamOf(40);
const first = { from: 0, to: 10 };
const second = { from: 10, to: 20 };

/** As the conductor moves on. */
function nextCycle({ state }: Workshop): void {
  state.position = { ...state.position, cycle: state.position.cycle + 1, stepsDone: 0 };
  state.teacherVersion++;
}

/** What the student is taught in DISTILL, without teaching it. */
function taught({ shop }: Bench, block: { from: number; to: number }): EncodedDistillation[] {
  const items: EncodedDistillation[] = [];
  const student = {
    ...shop.student,
    distill: (batch: readonly EncodedDistillation[]) => {
      items.push(...batch);
      return { loss: 0, gradientNorm: 0 };
    },
  };
  for (const _ of distillTurn({ ...shop, student }, block));
  return items;
}

const scoreAll = (shop: Workshop, block: { from: number; to: number }): void => {
  for (const _ of scoreTurn(shop, block));
};

it('a score depends neither on its batch nor on the order', async () => {
  const texts = groups.flatMap((group) =>
    group.results.map((_, i) => ({ query: group.query.repeat(1 + (i % 3)), document: documentOf(group, i) })),
  );
  const { shop } = await openBench({ groups });
  const expected = teacherScores(shop, texts);
  expect(new Set(expected.map((score) => Math.round(score * 1e4))).size).toBeGreaterThan(10);
  const order = randomFor(1, 'order').shuffle(texts.map((_, i) => i));
  for (const labels of [{ batch: 1 }, { batch: 64 }, { batch: 64, batch_tokens: 60 }]) {
    const other = { ...shop, config: tinyConfig({ labels }) };
    const scores = teacherScores(
      other,
      order.map((i) => texts[i]!),
    );
    for (const [at, i] of order.entries()) expect(scores[at]).toBeCloseTo(expected[i]!, 5);
  }
});

describe('SCORE', () => {
  it('gives DISTILL the calibrated scores of the teacher (promise 6)', async () => {
    const bench = await openBench({ groups });
    const { shop } = bench;
    shop.state.teacherVersion = 1;
    scoreAll(shop, first);
    const items = distillPlan(shop, first).plan.flat();
    const expected = items.map(({ group, positive }) => {
      const [raw] = teacherScores(shop, [{ query: group.query, document: documentOf(group, positive) }]);
      return calibrate(raw!, shop.state.calibrations[0]!);
    });
    const scores = taught(bench, first).map(({ positiveScore }) => positiveScore);
    for (const [i, score] of scores.entries()) expect(score).toBeCloseTo(expected[i]!, 3);
    expect(new Set(scores.map((score) => score.toFixed(3))).size).toBeGreaterThan(3);
    const labels = shop.state.figures['score.labels']!;
    expect(labels).toBe(shop.labels.size);
  });

  it('leaves no trace when it is interrupted', async () => {
    const { shop } = await openBench({ groups });
    const before = JSON.stringify(shop.state);
    const steps = scoreTurn(shop, first);
    const { value } = steps.next();
    expect(value).toMatchObject({ done: 1 });
    expect(value!.of).toBeGreaterThan(1);
    expect([shop.labels.size, JSON.stringify(shop.state)]).toEqual([0, before]);
  });

  it('scores replayed groups again exactly when their labels are too old (promise 6)', async () => {
    const config = tinyConfig({ replay: { share: 0.5 }, labels: { staleness_max: 1 } });
    const { shop } = await openBench({ groups, config });
    shop.state.teacherVersion = 1;
    scoreAll(shop, first);
    nextCycle(shop);
    const past = distillPlan(shop, second)
      .plan.flat()
      .filter(({ group }) => group.sequence < 10);
    const known = past.filter(({ group, positive }) =>
      shop.labels.get(labelKey(group.query, documentOf(group, positive))),
    );
    expect(known.length).toBeGreaterThan(0);
    scoreAll(shop, second);
    expect(shop.state.figures['score.reused']).toBeGreaterThan(0);
    expect(shop.state.calibrations.map(({ teacherVersion }) => teacherVersion)).toEqual([1, 2]);

    shop.state.teacherVersion = 3;
    scoreAll(shop, second);
    expect(shop.state.calibrations.map(({ teacherVersion }) => teacherVersion)).toEqual([2, 3]);
    for (const { group, positive, negative } of distillPlan(shop, second).plan.flat())
      for (const result of [positive, negative]) {
        const label = shop.labels.get(labelKey(group.query, documentOf(group, result)))!;
        expect(label.teacherVersion).toBeGreaterThanOrEqual(group.sequence >= 10 ? 3 : 2);
      }
  });

  it('keeps in the table what DISTILL needs, with no more room than the config demands', async () => {
    const config = tinyConfig({ replay: { share: 0.5 }, labels: { kept_max: 24 } });
    const bench = await openBench({ groups, config });
    for (const from of [0, 10, 20, 30]) {
      nextCycle(bench.shop);
      const block = { from, to: from + 10 };
      scoreAll(bench.shop, block);
      expect(taught(bench, block).length).toBeGreaterThan(0);
    }
  });
});
