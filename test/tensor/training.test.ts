// Checks (invariants of session.tf.ts):
// 1. A session continued in another one goes on as if nothing had happened; two compute the same bits.
// 2. No native tensor outlives a call, on good paths and on bad ones; memory is flat over 500 steps.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { adamWScalars } from '../../src/tensor/optimizer.ts';
import {
  bits,
  config,
  disposeAll,
  openEmpty,
  openStudent,
  optimizer,
  stepFeeds,
  train,
} from '../support/student.ts';
import { backend } from '../support/tensor.ts';

afterEach(disposeAll);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const memory = (): number => {
  collectGarbage();
  return process.memoryUsage.rss() / 2 ** 20;
};

/** Growth of memory in MiB per 200 runs: a leak grows in every stretch, other things now and then in one. */
function growth(run: (number: number) => void): number {
  const stretches = [1, 2].map((stretch) => {
    const before = memory();
    for (let i = 1; i <= 200; i++) run(200 * stretch + i);
    return memory() - before;
  });
  return Math.min(...stretches);
}

describe('determinism', () => {
  test('20 steps, moved to a new session, 20 more: the same bits as 40 in one', () => {
    const whole = openStudent();
    train(whole, 1, 40);
    const first = openStudent();
    train(first, 1, 20);
    const state = first.get();
    first.dispose();
    const second = openEmpty();
    second.set(state);
    train(second, 21, 40);
    expect(bits(second.get())).toBe(bits(whole.get()));
  });

  test('two sessions side by side compute the same bits', () => {
    const [one, other] = [openStudent(), openStudent()];
    for (let step = 1; step <= 5; step++) {
      train(one, step, step);
      train(other, step, step);
    }
    expect(bits(one.get())).toBe(bits(other.get()));
  });
});

describe('nothing leaks', () => {
  /** MiB per 200 runs. Measured: 0.5. The feeds of 200 runs are 10. */
  const growthMax = 5;
  const wide = stepFeeds(1, 60);

  test('500 steps: tensors exactly flat, memory within 5 MiB per 200 steps', () => {
    const session = openStudent();
    const step = (number: number) => {
      session.run('distill', { ...wide, ...adamWScalars(optimizer, { step: number, learningRate: 1e-3 }) });
    };
    for (let number = 1; number <= 100; number++) step(number);
    const tensors = backend.tensorCount();
    expect(growth(step)).toBeLessThan(growthMax);
    expect(backend.tensorCount()).toBe(tensors);
  });

  test('failing runs, reading and writing: tensors exactly flat, memory within 5 MiB per 200', () => {
    const session = openStudent();
    const ids = { ...wide.ids, data: Int32Array.from(wide.ids.data).fill(config.vocabulary) };
    const round = () => {
      expect(() => session.run('distill', { ...wide, ids })).toThrow('TensorFlow failed');
      session.set(session.get());
    };
    for (let i = 0; i < 20; i++) round();
    const tensors = backend.tensorCount();
    expect(growth(round)).toBeLessThan(growthMax);
    expect(backend.tensorCount()).toBe(tensors);
  });

  test('sessions opened and disposed leave no tensors and no models', () => {
    const tensors = backend.tensorCount();
    const models = backend.binding.getNumOfSavedModels();
    openStudent().dispose();
    expect(backend.tensorCount()).toBe(tensors);
    expect(backend.binding.getNumOfSavedModels()).toBe(models);
  });
});
