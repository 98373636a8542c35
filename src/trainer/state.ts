// All of the trainer's state that is not a tensor. With the weights, the moments and the labels it is enough
// to continue as if nothing had happened (promise 3). Randomness has no state: it follows from seed, cycle
// and turn.
import type { Group } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import type { CurvePoint, TurnKind } from '../protocol.ts';
import type { Calibration } from './calibration.ts';
import type { EvaluationQuery } from './evaluation.ts';
import { origin, type Position } from './schedule.ts';

/** The three losses keep their own moments, hence their own step counts. */
export type Objective = 'pretrain' | 'finetune' | 'distill';

/** What has been learnt so far, for the lineage. */
export interface Provenance {
  topic: string;
  /** One past the newest impression learnt, per `topic/partition`. */
  offsets: Record<string, number>;
  eventFromMs: number;
  eventToMs: number;
  groups: number;
}

export interface TrainerState {
  position: Position;
  teacherVersion: number;
  /** Id of the remote model that this version is; null for an embedded teacher. */
  teacherModel: string | null;
  optimizerSteps: Record<Objective, number>;
  stepsRefused: number;
  turns: Record<TurnKind, number>;
  /** Running sums over the steps of the turn at hand, and how many the last ones refused are. */
  sums: { steps: number; loss: number; gradientNorm: number; refusedInARow: number };
  /** Newest last; only versions that a label in use may have. */
  calibrations: Calibration[];
  provenance: Provenance;
  /** Add by `addPoint`. */
  curve: CurvePoint[];
  /** Rankings of the anchor queries: see anchor.ts. */
  anchor: readonly EvaluationQuery[];
  /** Figures of the cycle at hand, which become a point of the curve in EVALUATE. */
  figures: Record<string, number>;
}

export const freshState = (): TrainerState => ({
  position: origin,
  teacherVersion: 0,
  teacherModel: null,
  optimizerSteps: { pretrain: 0, finetune: 0, distill: 0 },
  stepsRefused: 0,
  turns: { PRETRAIN: 0, FINETUNE: 0, SCORE: 0, DISTILL: 0, EVALUATE: 0, SNAPSHOT: 0 },
  sums: noSums(),
  calibrations: [],
  provenance: { topic: '', offsets: {}, eventFromMs: 0, eventToMs: 0, groups: 0 },
  curve: [],
  anchor: [],
  figures: {},
});

export const noSums = (): TrainerState['sums'] => ({ steps: 0, loss: 0, gradientNorm: 0, refusedInARow: 0 });

/** Points of a curve that are kept: more than a picture can show. Even, so that thinning keeps both ends. */
const curveMax = 400;

/** Where the curve is full every second point goes: its length is bounded however long the stream is. */
export function addPoint(state: TrainerState, point: CurvePoint): void {
  state.curve.push(point);
  if (state.curve.length > curveMax) state.curve = state.curve.filter((_, i) => i % 2 === 0);
}

const version = 1;

export function encodeState(state: TrainerState): Uint8Array {
  return Buffer.from(`${JSON.stringify({ version, ...state }, finite, 1)}\n`);
}

/** JSON has no NaN and no infinity: they would come back as null and be taken for 0. */
function finite(name: string, value: unknown): unknown {
  assert(typeof value !== 'number' || Number.isFinite(value), `${name} in the state is ${value}`);
  return value;
}

/** @throws RestillError GENERATION_FOREIGN for a version this build does not know. */
export function decodeState(bytes: Uint8Array): TrainerState {
  const { version: found, ...state } = JSON.parse(Buffer.from(bytes).toString()) as TrainerState & {
    version: number;
  };
  if (found !== version) {
    throw new RestillError(
      'GENERATION_FOREIGN',
      `state.json has version ${found}, this restill reads version ${version}; use the restill that wrote it`,
    );
  }
  // States of before November 2026 lack these.
  return { ...state, teacherModel: state.teacherModel ?? null, anchor: state.anchor ?? [] };
}

/** Enters the groups of a finished cycle. */
export function enter(provenance: Provenance, fresh: readonly Group[]): void {
  for (const { origin: from, timeMs, newestMs } of fresh) {
    const key = `${from.topic}/${from.partition}`;
    provenance.topic = from.topic;
    provenance.offsets[key] = Math.max(provenance.offsets[key] ?? 0, from.offset + 1);
    provenance.eventFromMs = provenance.eventFromMs === 0 ? timeMs : Math.min(provenance.eventFromMs, timeMs);
    provenance.eventToMs = Math.max(provenance.eventToMs, newestMs);
  }
  provenance.groups += fresh.length;
}

/** All optimizer steps ever taken. */
export const stepsTaken = (state: TrainerState): number =>
  state.optimizerSteps.pretrain + state.optimizerSteps.finetune + state.optimizerSteps.distill;
