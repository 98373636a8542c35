// Invariants:
// - an idle engine begins at once; at most two batches are under way; what comes meanwhile goes together
// - a batch is as large as its budget and the measured speed allow: a schedule by hand
// - a large request does not keep a small one waiting for more than the two batches under way
// - every sequence is scored once and comes back in its place, or its request is rejected
// - what is aborted takes no further turn; an engine's error reaches those in the batch, and only them
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../../src/serving/batching.ts';
import { plainEngine, sequence, settle } from '../support/plain-student.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

const never = new AbortController().signal;
const sequences = (count: number, length: number) => Array.from({ length: count }, () => sequence(length));

function open(holds = true) {
  const engine = plainEngine(1, holds);
  const timer = virtualTimer();
  const scored: number[] = [];
  const onBatch = (count: number) => void scored.push(count);
  const batcher = new Batcher({ engine, clock: timer, budgetMs: 50, onBatch });
  /** The oldest batch takes `ms`. */
  const compute = async (ms: number) => {
    timer.advance(ms);
    await engine.held[0]!.answer();
  };
  return { engine, batcher, compute, scored };
}

describe('a batcher', () => {
  it('begins at once, has two batches under way, and puts together what comes meanwhile', async () => {
    const { engine, batcher, compute, scored } = open();
    const all = [3, 4, 5, 6].map((length) => batcher.score([sequence(length)], never));
    expect(engine.batches).toEqual([[3], [4]]);
    await compute(10);
    expect(engine.batches).toEqual([[3], [4], [5, 6]]);
    await compute(10);
    await compute(10);
    expect((await Promise.all(all)).map((logits) => [...logits])).toEqual([[1003], [1004], [1005], [1006]]);
    expect(scored).toEqual([1, 1, 2]);
  });

  it('makes batches that take about as long as their budget', async () => {
    const { engine, batcher, compute } = open();
    const answer = batcher.score(sequences(200, 16), never);
    expect(engine.batches.map((batch) => batch.length)).toEqual([64, 64]); // 1024 tokens at first.
    await compute(100); // 10.24 tokens a millisecond: 512 in 50 ms.
    expect(engine.batches[2]!.length).toBe(32);
    await compute(25); // 40.96: the estimate moves a fifth of the way, to 16.384, 819 tokens.
    expect(engine.batches[3]!.length).toBe(40); // The last 40 of 200, less than the 51 it would take.
    expect(batcher.backlogMs).toBeCloseTo((72 * 16) / 16.384, 6);
    await compute(1);
    await compute(1);
    expect(await answer).toEqual(new Float32Array(200).fill(1016));
  });

  it('lets a small request go before the rest of a large one', async () => {
    const { batcher, compute } = open();
    void batcher.score(sequences(500, 20), never);
    let done = false;
    const small = batcher.score(sequences(5, 20), never).then((logits) => {
      done = true;
      return logits.length;
    });
    for (let batch = 0; batch < 3; batch++) {
      expect(done).toBe(false);
      await compute(50);
    }
    expect(await small).toBe(5);
  });

  it('gives aborted requests no further turn', async () => {
    const { engine, batcher, compute } = open();
    const controller = new AbortController();
    const aborted = batcher.score(sequences(500, 20), controller.signal);
    const other = batcher.score([sequence(7)], never);
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toThrow('gone');
    await compute(10);
    await compute(10);
    await compute(10);
    expect([...(await other)]).toEqual([1007]);
    expect(engine.batches.at(-1)).toEqual([7]);
    expect(batcher.backlogMs).toBe(0);
    await expect(batcher.score([sequence(1)], controller.signal)).rejects.toThrow('gone');
  });

  it("hands an engine's error to those in the batch, and goes on", async () => {
    const { engine, batcher, compute } = open();
    const [first, second] = [batcher.score([sequence(2)], never), batcher.score([sequence(3)], never)];
    const failed = expect(first).rejects.toThrow('broken');
    await engine.held[0]!.fail(new Error('broken'));
    await failed;
    await compute(5);
    expect([...(await second)]).toEqual([1003]);
    await settle();
    expect(engine.held).toEqual([]);
  });

  it('scores every sequence once, whatever comes when', async () => {
    const requests = fc.array(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 }), {
      minLength: 1,
      maxLength: 12,
    });
    const times = fc.array(fc.integer({ min: 0, max: 80 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(requests, times, async (all, ms) => {
        const { engine, batcher, compute } = open();
        const answers: Promise<Float32Array>[] = [];
        for (const [i, lengths] of all.entries()) {
          answers.push(batcher.score(lengths.map(sequence), new AbortController().signal));
          expect(engine.held.length).toBeLessThanOrEqual(2);
          if (i % 2 === 1) await compute(ms[i % ms.length]!);
        }
        for (let i = 0; engine.held.length > 0; i++) await compute(ms[i % ms.length]!);
        const expected = all.map((lengths) => lengths.map((length) => 1000 + length));
        expect((await Promise.all(answers)).map((logits) => [...logits])).toEqual(expected);
        expect(engine.batches.flat().length).toBe(all.flat().length);
      }),
      { numRuns: 100 },
    );
  });
});
