// Which cells there are, under which settings each is kept, and what each may cost.
import type { Config } from '../../src/config.ts';
import { streamsDigest } from '../../src/config.ts';
import { type Arm, armNamed, needsOf } from './arms.ts';
import { type CellName, digestOf } from './cells.ts';
import { foldCount, type Split } from './folds.ts';
import type { Options } from './options.ts';

/** Fingerprints of the models that arms start from. */
export interface Fingerprints {
  readonly student: string;
  readonly teacher: string;
}

export interface PlanInputs {
  readonly config: Config;
  readonly options: Options;
  readonly fingerprints: Fingerprints;
}

/** The recipe of an arm: all but what the arm is about is the same for all. */
export function configOf(arm: Arm, config: Config): Config {
  switch (arm.kind) {
    case 'floor':
    case 'cosine':
    case 'fresh':
    case 'blend':
    case 'table':
      return config;
    case 'teacher':
      // What is switched off needs no moments, which are twice the size of the weights.
      return arm.pretrain ? config : { ...config, pretrain: { ...config.pretrain, stepsMax: 0 } };
    case 'student': {
      const pointWeight = arm.pointWeight ?? config.distill.pointWeight;
      return { ...config, distill: { ...config.distill, pointWeight } };
    }
    case 'peer':
      return configOf(armNamed(arm.like), config);
  }
}

export const nameOf = (arm: Arm, split: Split, inputs: PlanInputs): CellName => ({
  arm: arm.name,
  // A model that has not learnt yet is the same in all folds.
  fold: arm.kind === 'fresh' ? 0 : split.fold,
  digest: digestOf(settingsOf(arm, split, inputs)),
});

/** All that decides about a cell: nothing else, or finished ones are lost for nothing. */
export function settingsOf(arm: Arm, split: Split, inputs: PlanInputs): unknown {
  const { options, fingerprints } = inputs;
  const { seed, pretrain, finetune, distill, replay, student, teacher } = configOf(arm, inputs.config);
  const common = { arm: { ...arm, name: '' }, on: split.on, fold: split.fold, folds: foldCount, seed };
  const stream = {
    streams: streamsDigest(inputs.config),
    replay,
    random: options.random,
    pseudo: options.pseudo,
  };
  // The paths say where a model lies here; the fingerprints say which one it is.
  const asStudent = { student: fingerprints.student, ...sizeless(student) };
  const asTeacher = {
    ...{ teacher: fingerprints.teacher, layers: options.teacherLayers },
    ...sizeless(teacher),
  };
  const from = needsOf(arm).map((need) => settingsOf(armNamed(need), split, inputs));
  switch (arm.kind) {
    case 'floor':
      return common;
    case 'fresh':
      return { arm: common.arm, seed, ...asStudent };
    case 'table':
      return { ...common, ...stream };
    case 'cosine':
      return { ...common, ...asStudent, ...stream };
    case 'teacher':
      return { ...common, ...asTeacher, ...stream, finetune, ...(arm.pretrain ? { pretrain } : {}) };
    case 'blend':
      return { ...common, from };
    case 'student':
    case 'peer':
      return { ...common, ...asStudent, ...stream, distill, from };
  }
}

/** Of a model section of the configuration: what remains when the sizes come from the model. */
const sizeless = (section: Config['student'] | Config['teacher']) => ({
  tokensMax: section.tokensMax,
  ...('segments' in section ? { segments: section.segments } : {}),
  ...('adapter' in section ? { adapter: section.adapter } : {}),
});

/** What the estimates go by. Tokens: means over this data. */
export interface Sizes {
  /** Parameters that take part in matrix products: all but the embedding tables. */
  readonly teacherParameters: number;
  readonly studentParameters: number;
  /** Rows of the table that continued pre-training multiplies by at each output token, times its width. */
  readonly vocabularyParameters: number;
  readonly teacherTokens: number;
  readonly studentTokens: number;
  readonly judged: number;
  readonly labels: number;
}

/** In units of 10^9 operations: two a parameter and token forward, three times that to train. */
export function gigaflops(arm: Arm, { config }: PlanInputs, sizes: Sizes): number {
  const { pretrain, finetune, distill } = config;
  const teacher = (2 * sizes.teacherParameters * sizes.teacherTokens) / 1e9;
  const output = (2 * sizes.vocabularyParameters * sizes.teacherTokens) / 1e9;
  // An adapter needs no gradient of the weights beside it.
  const training = config.teacher.adapter === null ? 3 : 2;
  const student = (2 * sizes.studentParameters * sizes.studentTokens) / 1e9;
  switch (arm.kind) {
    case 'floor':
    case 'blend':
    case 'table':
      return 0;
    case 'cosine':
    case 'fresh':
      return student * sizes.judged;
    case 'teacher': {
      const learnt = arm.pretrain ? training * (teacher + output) * pretrain.batch * pretrain.stepsMax : 0;
      const ranked = training * teacher * 2 * finetune.batch * finetune.stepsMax;
      return learnt + ranked + teacher * (sizes.judged + sizes.labels);
    }
    case 'student':
    case 'peer':
      return 3 * student * 2 * distill.batch * distill.stepsMax + student * sizes.judged;
  }
}
