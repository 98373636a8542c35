// Which turn comes next. Turn boundaries are sequence numbers: nothing here knows the time (promise 2).
//
//   cycle over the groups [cursor, cursor + turns.groups):
//
//   PRETRAIN -> FINETUNE -> SCORE -> DISTILL -> EVALUATE -> (SNAPSHOT every turns.snapshot_every cycles)
//       ^                                                        |
//       +-------------------- cursor moves on -------------------+
//
// When the source has ended, the last cycle takes what is left and a SNAPSHOT closes the run.
import type { TurnKind } from '../protocol.ts';

/** Where training stands: part of every generation. */
export interface Position {
  /** First sequence number of the cycle at hand. */
  readonly cursor: number;
  readonly cycle: number;
  readonly turn: TurnKind;
  /** Optimizer steps of the turn that are done: a snapshot on request may fall between two steps. */
  readonly stepsDone: number;
  /** Cursor of the last scheduled snapshot: up to here the ring may be retired into the memory. */
  readonly retireTo: number;
}

export interface Supply {
  /** The journal is durable up to here. */
  readonly high: number;
  readonly ended: boolean;
}

export interface Rhythm {
  readonly groups: number;
  readonly snapshotEvery: number;
}

export type Decision =
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'turn'; readonly turn: TurnKind; readonly from: number; readonly to: number }
  | { readonly kind: 'finish' };

export const origin: Position = { cursor: 0, cycle: 0, turn: 'PRETRAIN', stepsDone: 0, retireTo: 0 };

/** What to do at a position, given what the journal holds. */
export function decide(at: Position, supply: Supply, rhythm: Rhythm): Decision {
  const from = at.cursor;
  const full = from + rhythm.groups;
  // A snapshot belongs to the cycle just finished and needs no new groups.
  if (at.turn === 'SNAPSHOT') return { kind: 'turn', turn: 'SNAPSHOT', from, to: from };
  if (supply.high >= full) return { kind: 'turn', turn: at.turn, from, to: full };
  if (!supply.ended) return { kind: 'wait', until: full };
  if (supply.high > from) return { kind: 'turn', turn: at.turn, from, to: supply.high };
  if (at.retireTo < from) return { kind: 'turn', turn: 'SNAPSHOT', from, to: from };
  return { kind: 'finish' };
}

const following: Readonly<Record<Exclude<TurnKind, 'EVALUATE'>, TurnKind>> = {
  PRETRAIN: 'FINETUNE',
  FINETUNE: 'SCORE',
  SCORE: 'DISTILL',
  DISTILL: 'EVALUATE',
  SNAPSHOT: 'PRETRAIN',
};

/** The position after the turn of a decision is done. */
export function advance(at: Position, done: { turn: TurnKind; to: number }, rhythm: Rhythm): Position {
  if (done.turn === 'SNAPSHOT') return { ...at, turn: 'PRETRAIN', stepsDone: 0, retireTo: at.cursor };
  if (done.turn !== 'EVALUATE') return { ...at, turn: following[done.turn], stepsDone: 0 };
  const cycle = at.cycle + 1;
  const turn = cycle % rhythm.snapshotEvery === 0 ? 'SNAPSHOT' : 'PRETRAIN';
  return { ...at, cursor: done.to, cycle, turn, stepsDone: 0 };
}

/** Linear warm-up from zero, then constant: a stream has no end to decay towards. `step` counts from 1. */
export function learningRate(step: number, o: { learningRate: number; warmupSteps: number }): number {
  return o.learningRate * Math.min(1, step / (o.warmupSteps + 1));
}
