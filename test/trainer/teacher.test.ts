// Checks:
// 1. With an adapter only it and the head train: nothing else is part of the state, has moments or changes.
// 2. Scores with the adapter are those of the merged model.
// 3. A step in parts is the step on the whole batch within 1e-6, for both objectives, whatever the parts.
// 4. Recomputed layers change no bit.
// 5. A workshop with an adapter goes on from its generation as if nothing had happened (promises 3 and 4),
//    and the generation holds the adapter as PEFT does, not the model.
import { afterEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { Tensors } from '../../src/contract.ts';
import { randomFor } from '../../src/random.ts';
import { mergeAdapter } from '../../src/tensor/lora-merge.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { initialize } from '../../src/tensor/parameters.ts';
import { decodeSafetensors, hashTensors } from '../../src/tensor/safetensors.ts';
import type { StepResult, TeacherModel } from '../../src/trainer/models.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { openTeacher, teacherShape } from '../../src/trainer/teacher.tf.ts';
import { finetuneTurn, pretrainTurn } from '../../src/trainer/turn.ts';
import { goldenPath } from '../support/golden.ts';
import { backend } from '../support/tensor.ts';
import { disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

const start = goldenPath('tiny/llama-tied');
const opened = openModelDirectory(start, { seed: 1, layers: null });
if (opened.family !== 'llama') throw new Error('not a decoder');
const base = opened;
const adapter = { rank: 2, alpha: 8, target_modules: ['q_proj', 'v_proj', 'up_proj'] };

type Section = Readonly<Record<string, unknown>>;
const configWith = (change: { teacher?: Section; pretrain?: Section; finetune?: Section } = {}): Config =>
  tinyConfig({
    ...change,
    teacher: { start, heads: 4, key_value_heads: 2, tokens_max: 48, ...change.teacher },
  });

const teachers: TeacherModel[] = [];
afterEach(() => {
  for (const teacher of teachers.splice(0)) teacher.dispose();
  disposeBenches();
});

/** With the weights of the directory, and a fresh adapter where the config has one. */
function open(config: Config, weights: Tensors = base.weights): TeacherModel {
  const shape = teacherShape(base.config, config.teacher);
  const teacher = openTeacher(backend, shape, config, shape.adapter && base.weights);
  teachers.push(teacher);
  const fresh = initialize(shape.trained, config.seed);
  const trained = shape.trained.map(({ name }) => [name, weights.get(name) ?? fresh.get(name)!] as const);
  teacher.restore({ weights: new Map(trained), moments: new Map() });
  return teacher;
}

const random = randomFor(1, 'teacher');
const tokens = (least: number) =>
  Int32Array.from({ length: least + random.below(40) }, () => random.below(base.config.vocabulary));
const completions = Array.from({ length: 7 }, () => ({ ids: tokens(4), outputFrom: 1 + random.below(3) }));
const preferences = Array.from({ length: 7 }, (_, i) => ({
  better: tokens(1),
  worse: tokens(1),
  weight: 0.5 + i,
}));
const sequences = preferences.map(({ better }) => better);

/** Three steps of each objective. */
const train = (teacher: TeacherModel): StepResult[] =>
  [1, 2, 3].flatMap((step) => [
    teacher.pretrain(completions, { step, learningRate: 0.01 }),
    teacher.finetune(preferences, { step, learningRate: 0.01 }),
  ]);

/** One step of each objective that moves no weight: the moments say what the gradients were. */
const stand = (teacher: TeacherModel): StepResult[] => [
  teacher.pretrain(completions, { step: 1, learningRate: 0 }),
  teacher.finetune(preferences, { step: 1, learningRate: 0 }),
];

const hashOf = (teacher: TeacherModel): string => {
  const { weights, moments } = teacher.state();
  return hashTensors(new Map([...weights, ...moments]));
};

const largestGap = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

describe('an adapter', () => {
  const config = configWith({ teacher: { adapter } });

  it('is all that trains beside the head', () => {
    const teacher = open(config);
    const before = teacher.state().weights;
    train(teacher);
    const { weights, moments } = teacher.state();
    const names = [...weights.keys()];
    expect(names).toHaveLength(2 * 2 * 3 + 1);
    for (const name of names) {
      expect(name).toMatch(/\.(q_proj|v_proj|up_proj)\.lora_[AB]\.weight$|^score\.weight$/);
      expect(weights.get(name)!.data).not.toEqual(before.get(name)!.data);
    }
    const ofName = (name: string, objective: string) =>
      ['m', 'v'].map((m) => `opt/${objective}/${name}/${m}`);
    const expected = names.flatMap((name) => [
      ...(name === 'score.weight' ? [] : ofName(name, 'pretrain')), // the head has no part in that loss
      ...ofName(name, 'finetune'),
    ]);
    expect([...moments.keys()].toSorted()).toEqual(expected.toSorted());
  });

  it('scores as the merged model does', () => {
    const teacher = open(config);
    const fresh = teacher.score(sequences);
    train(teacher);
    const scores = teacher.score(sequences);
    const shape = teacherShape(base.config, config.teacher);
    const merged = mergeAdapter(base.weights, teacher.state().weights, shape.adapter!);
    expect(largestGap(scores, open(configWith(), merged).score(sequences))).toBeLessThan(1e-4);
    expect(largestGap(fresh, open(configWith()).score(sequences))).toBe(0);
    expect(largestGap(fresh, scores)).toBeGreaterThan(0.01);
  });
});

describe.each([
  ['all weights', null],
  ['an adapter', adapter],
])('training %s', (_, settings) => {
  it('in parts is one step on the whole batch', () => {
    const whole = open(configWith({ teacher: { adapter: settings } }));
    const expected = stand(whole);
    const moments = whole.state().moments;
    for (const accumulate of [2, 7]) {
      const parts = { batch: 7, accumulate };
      const inParts = open(configWith({ teacher: { adapter: settings }, pretrain: parts, finetune: parts }));
      stand(inParts).forEach(({ loss, gradientNorm }, i) => {
        expect(Math.abs(loss / expected[i]!.loss - 1)).toBeLessThan(1e-6);
        expect(Math.abs(gradientNorm / expected[i]!.gradientNorm - 1)).toBeLessThan(1e-6);
      });
      const actual = inParts.state().moments;
      expect([...actual.keys()].toSorted()).toEqual([...moments.keys()].toSorted());
      for (const [name, { data }] of moments)
        expect([name, largestGap(data, actual.get(name)!.data) < 1e-6]).toEqual([name, true]);
    }
  });

  it('with recomputed layers gives the same bits', () => {
    const [kept, recomputed] = [false, true].map((recompute) => {
      const teacher = open(configWith({ teacher: { adapter: settings, recompute } }));
      train(teacher);
      return hashOf(teacher);
    });
    expect(recomputed).toBe(kept);
  });
});

it('an objective that is switched off has no moments', () => {
  const teacher = open(configWith({ pretrain: { steps_max: 0 } }));
  const names = [...teacher.state().moments.keys()];
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => name.startsWith('opt/pretrain/'))).toEqual([]);
});

describe('a generation with an adapter', () => {
  const config = configWith({
    teacher: { adapter },
    pretrain: { accumulate: 2 },
    finetune: { accumulate: 2 },
  });
  const groups = streamOf(20);
  const starts = { student: null, teacher: base };
  const noDigests = { student: null, teacher: null };
  const first = { from: 0, to: 10 };
  const second = { from: 10, to: 20 };
  const learn = ({ shop }: Awaited<ReturnType<typeof openBench>>, block: typeof first): void => {
    for (const turn of [pretrainTurn, finetuneTurn]) {
      for (const _ of turn(shop, block));
      shop.state.position = { ...shop.state.position, stepsDone: 0 };
    }
  };

  it('goes on to the same bits', async () => {
    const whole = await openBench({ groups, config, starts });
    learn(whole, first);
    const from = takeSnapshot(whole.shop, whole.fixed, {
      scheduled: true,
      configDigest: 'c',
      starts: noDigests,
    });
    learn(whole, second);
    const resumed = await openBench({ groups, config, starts, from });
    learn(resumed, second);
    expect(hashOf(resumed.shop.teacher)).toBe(hashOf(whole.shop.teacher));
    expect(hashTensors(whole.shop.teacher.state().weights)).not.toBe(from.weightsSha256.teacher);
  });

  it('holds what PEFT reads, and nothing of the model beside it', async () => {
    const { shop, fixed } = await openBench({ groups, config, starts });
    const { files } = takeSnapshot(shop, fixed, { scheduled: true, configDigest: 'c', starts: noDigests });
    const ofTeacher = files.filter(({ path }) => path.startsWith('teacher/'));
    expect(ofTeacher.map(({ path }) => path.slice('teacher/'.length)).toSorted()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const bytesOf = (name: string) => ofTeacher.find(({ path }) => path === `teacher/${name}`)!.bytes;
    expect(JSON.parse(Buffer.from(bytesOf('adapter_config.json')).toString())).toMatchObject({
      ...{ peft_type: 'LORA', base_model_name_or_path: start, r: 2, lora_alpha: 8 },
      ...{ target_modules: adapter.target_modules, modules_to_save: ['score'] },
    });
    const names = [...decodeSafetensors(bytesOf('adapter_model.safetensors')).keys()];
    expect(names).toHaveLength(2 * 2 * 3 + 1);
    expect(names).toContain('base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight');
    expect(names).toContain('base_model.model.score.weight');
  });
});
