// What every turn works with, and the three turns that train. A turn is a function of config, seed, state and
// journal[0..cursor] (promise 2); it yields after every step so that its caller can stop there.
import type { Config } from '../config.ts';
import type { Document, Group, JournalReader } from '../contract.ts';
import { assert } from '../errors.ts';
import type { TurnKind } from '../protocol.ts';
import { randomFor } from '../random.ts';
import { batches, type DistillItem, distillItems, pairItems, preferenceItems } from './batch.ts';
import { calibrate } from './calibration.ts';
import type { EvaluationSet } from './evaluation.ts';
import { attempt } from './health.ts';
import { type LabelTable, labelKey } from './labels.ts';
import type { Encoders, OptimizerStep, StepResult, StudentModel, TeacherModel } from './models.ts';
import { rehearse } from './rehearsal.ts';
import { learningRate } from './schedule.ts';
import { noSums, type Objective, type TrainerState } from './state.ts';

export interface Workshop {
  readonly config: Config;
  readonly journal: JournalReader;
  readonly encoders: Encoders;
  readonly teacher: TeacherModel;
  readonly student: StudentModel;
  readonly labels: LabelTable;
  readonly judged: EvaluationSet | null;
  readonly state: TrainerState;
}

/** Groups [from, to): what is new in this cycle. */
export interface Block {
  readonly from: number;
  readonly to: number;
}

/** One step of a turn is done. */
export interface StepDone {
  readonly done: number;
  readonly of: number;
}

/** A turn under way. Where it is left between two steps it can be taken up again. */
export type Steps = Generator<StepDone, void>;

export const documentOf = (group: Group, result: number): Document => group.results[result]!;

/** Continued pre-training: the teacher learns to produce what was clicked. */
export function pretrainTurn(shop: Workshop, block: Block): Steps {
  const { config, encoders, teacher } = shop;
  const random = randomFor(config.seed, 'pretrain', shop.state.position.cycle);
  const { fresh, past } = rehearse(shop.journal, block, config.replay, random);
  const plan = batches(pairItems([...fresh, ...past]), config.pretrain, random);
  return train(shop, 'pretrain', plan, (batch, at) =>
    teacher.pretrain(
      batch.map((item) => encoders.teacherCompletion(item.group.query, documentOf(item.group, item.result))),
      at,
    ),
  );
}

/** Rank fine-tuning: the teacher learns which of two documents is better. */
export function finetuneTurn(shop: Workshop, block: Block): Steps {
  const { config, encoders, teacher } = shop;
  const random = randomFor(config.seed, 'finetune', shop.state.position.cycle);
  const { fresh, past } = rehearse(shop.journal, block, config.replay, random);
  const plan = batches(preferenceItems([...fresh, ...past]), config.finetune, random);
  return train(shop, 'finetune', plan, (batch, at) =>
    teacher.finetune(
      batch.map((item) => ({
        better: encoders.teacherScore(item.group.query, documentOf(item.group, item.better)),
        worse: encoders.teacherScore(item.group.query, documentOf(item.group, item.worse)),
        weight: item.weight,
      })),
      at,
    ),
  );
}

/** The batches of DISTILL. SCORE asks for them as well, to know what needs a label. */
export function distillPlan(
  shop: Workshop,
  block: Block,
): { plan: DistillItem[][]; fresh: Group[]; past: Group[] } {
  const { config } = shop;
  const random = randomFor(config.seed, 'distill', shop.state.position.cycle);
  const { fresh, past } = rehearse(shop.journal, block, config.replay, random);
  const items = distillItems([...fresh, ...past], config.distill.pairsPerGroup, random);
  return { plan: batches(items, config.distill, random), fresh, past };
}

/** Distillation: the student learns the teacher's grades. */
export function distillTurn(shop: Workshop, block: Block): Steps {
  const { encoders, student } = shop;
  return train(shop, 'distill', distillPlan(shop, block).plan, (batch, at) =>
    student.distill(
      batch.map(({ group, positive, negative }) => ({
        positive: encoders.studentPair(group.query, documentOf(group, positive)),
        negative: encoders.studentPair(group.query, documentOf(group, negative)),
        positiveScore: labelOf(shop, group, positive),
        negativeScore: labelOf(shop, group, negative),
      })),
      at,
    ),
  );
}

/** The calibrated label of a result; SCORE has made sure that there is one, fresh enough (promise 6). */
function labelOf(shop: Workshop, group: Group, result: number): number {
  const { labels, state, config } = shop;
  const key = labelKey(group.query, documentOf(group, result));
  const label = labels.fresh(key, state.teacherVersion, config.labels.stalenessMax);
  assert(label !== undefined, `group ${group.sequence} has a result without a fresh label`);
  const calibration = state.calibrations.find((c) => c.teacherVersion === label.teacherVersion);
  assert(calibration !== undefined, `teacher version ${label.teacherVersion} has no calibration`);
  return calibrate(label.score, calibration);
}

/** The step loop: from where the turn stands, one yield per step. */
function* train<T>(
  shop: Workshop,
  objective: Objective,
  plan: readonly T[][],
  step: (batch: T[], at: OptimizerStep) => StepResult,
): Steps {
  const { state, config } = shop;
  while (state.position.stepsDone < plan.length) {
    const number = state.optimizerSteps[objective] + 1;
    const at = { step: number, learningRate: learningRate(number, config[objective]) };
    const result = attempt(state, `${objective} step ${number}`, () =>
      step(plan[state.position.stepsDone]!, at),
    );
    if (result) {
      state.optimizerSteps[objective] = number;
      state.sums.steps++;
      state.sums.loss += result.loss;
      state.sums.gradientNorm += result.gradientNorm;
    }
    state.position = { ...state.position, stepsDone: state.position.stepsDone + 1 };
    yield { done: state.position.stepsDone, of: plan.length };
  }
}

/** Means over the steps of a finished turn; empties the sums. */
export function closeSums(state: TrainerState, kind: TurnKind): Record<string, number> {
  const { steps, loss, gradientNorm } = state.sums;
  state.sums = noSums();
  if (steps === 0) return {};
  const name = kind.toLowerCase();
  return { [`${name}.loss`]: loss / steps, [`${name}.gradientNorm`]: gradientNorm / steps };
}
