// Checks (invariants of session.tf.ts):
// 1. What goes in comes out, bit by bit, and is a copy.
// 2. Feeds and tensors that do not fit are refused by name; a run that fails changes nothing.
// 3. The temporary directory is gone, also when loading fails; a disposed session is not used.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Graph } from '../../src/tensor/graph.ts';
import { adamWScalars } from '../../src/tensor/optimizer.ts';
import { pack } from '../../src/tensor/packing.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { openSession } from '../../src/tensor/session.tf.ts';
import {
  bits,
  config,
  disposeAll,
  names,
  openEmpty,
  openStudent,
  optimizer,
  parameters,
  stepFeeds,
  train,
} from '../support/student.ts';
import { backend } from '../support/tensor.ts';

afterEach(disposeAll);

describe('values in and out', () => {
  test('are the same bits, and copies', () => {
    const session = openEmpty();
    const values = initialize(parameters, 1);
    session.set(values, names);
    const before = bits(session.get(names));
    expect(before).toBe(bits(values));
    for (const { data } of values.values()) data.fill(7);
    for (const { data } of session.get().values()) data.fill(9);
    expect(bits(session.get(names))).toBe(before);
  });

  test('moments start at zero, and everything can be taken and given at once', () => {
    const session = openStudent();
    const all = session.get();
    expect(all.size).toBe(3 * parameters.length);
    for (const [name, { data }] of all)
      if (name.startsWith('opt/')) expect(data.every((x) => x === 0)).toBe(true);
    train(session, 1, 2);
    const other = openEmpty();
    other.set(session.get());
    expect(bits(other.get())).toBe(bits(session.get()));
  });

  test('missing, unknown and misshapen tensors are named', () => {
    const session = openEmpty();
    const values = new Map(initialize(parameters, 1));
    values.delete('classifier.bias');
    values.set('classifier.gain', { shape: [1], data: new Float32Array(1) });
    values.set('classifier.weight', { shape: [16, 1], data: new Float32Array(16) });
    expect(() => session.set(values, names)).toThrow(
      expect.objectContaining({
        code: 'SHAPE_MISMATCH',
        message: expect.stringMatching(
          /missing: classifier\.bias; unknown: classifier\.gain; .*: classifier\.weight: \[16,1\] .*\[1,16\]/,
        ),
      }),
    );
    expect(() => session.set(initialize(parameters, 1))).toThrow('missing: opt/distill/');
  });
});

describe('runs', () => {
  test('a run before the parameters are set is our mistake, and says so', () => {
    expect(() => openEmpty().run('score', pack([{ ids: Int32Array.of(1) }]) as never)).toThrow(
      'function score runs before bert.embeddings.word_embeddings.weight',
    );
  });

  test('feeds that do not fit are refused before anything runs', () => {
    const session = openStudent();
    const { teacher, ...rest } = stepFeeds(1);
    expect(() => session.run('distill', rest)).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }));
    const short = { data: teacher.data.subarray(1), shape: [5] };
    expect(() => session.run('distill', { ...rest, teacher: short })).toThrow(
      'function distill, input teacher: got float32 [5] (5 numbers), expected float32 [2b] with b = 3',
    );
  });

  test('an id out of range fails the run and changes nothing', () => {
    const session = openStudent();
    const before = bits(session.get());
    const feeds = stepFeeds(1);
    feeds.ids.data[0] = config.vocabulary;
    expect(() => session.run('distill', feeds)).toThrow(
      expect.objectContaining({ code: 'BACKEND_FAILED', message: expect.stringContaining('distill') }),
    );
    expect(bits(session.get())).toBe(before);
  });

  test('training lowers the loss, and scoring sees it', () => {
    const session = openStudent();
    const { rate, epsilon, keep, ...feeds } = stepFeeds(1);
    const { teacher, ...batch } = feeds;
    const before = session.run('score', batch).scores!;
    const losses = Array.from({ length: 30 }, (_, i) => {
      const at = adamWScalars(optimizer, { step: i + 1, learningRate: 1e-2 });
      return session.run('distill', { ...feeds, ...at }).loss![0]!;
    });
    expect(losses.at(-1)).toBeLessThan(0.2 * losses[0]!);
    expect(session.run('score', batch).scores).not.toEqual(before);
    expect(before).toHaveLength(teacher.data.length);
  });
});

describe('opening and closing', () => {
  const inEmptyTemporaryDirectory = (body: (directory: string) => void): void => {
    const [directory, before] = [mkdtempSync(join(tmpdir(), 'restill-test-')), process.env.TMPDIR];
    process.env.TMPDIR = directory;
    try {
      body(directory);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(directory, { recursive: true });
    }
  };

  test('the temporary directory is removed', () => {
    inEmptyTemporaryDirectory((directory) => {
      openEmpty();
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  test('also when TensorFlow refuses the graph, which is an error of ours', () => {
    const graph = new Graph();
    graph.node('NoSuchOp', [], {}, 'x');
    inEmptyTemporaryDirectory((directory) => {
      expect(() => openSession(backend, graph)).toThrow(
        expect.objectContaining({
          code: 'BACKEND_FAILED',
          message: expect.stringContaining('loading a graph'),
        }),
      );
      expect(readdirSync(directory)).toEqual([]);
    });
  });

  test('disposing twice is fine; using a disposed session is not', () => {
    const session = openStudent();
    session.dispose();
    session.dispose();
    expect(() => session.get()).toThrow('after it was disposed');
    expect(() => session.run('score', pack([{ ids: Int32Array.of(1) }]) as never)).toThrow('after it was');
  });

  test('an unknown function or variable is our mistake', () => {
    const session = openStudent();
    expect(() => session.run('rank', {})).toThrow('no function called rank');
    expect(() => session.get(['w'])).toThrow('no variable called w');
  });
});
