// Promise 2: what comes next depends on the position and the journal alone; turn boundaries are sequence
// numbers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TurnKind } from '../../src/protocol.ts';
import { advance, decide, learningRate, origin, type Position } from '../../src/trainer/schedule.ts';

const rhythm = { groups: 10, snapshotEvery: 2 };

/** The turns of a run in which ingest shows its progress in the steps given, then ends. */
function turnsOf(supplies: number[], total: number): string[] {
  let position: Position = origin;
  const turns: string[] = [];
  const pending = [...supplies.map((high) => ({ high, ended: false })), { high: total, ended: true }];
  let supply = pending.shift()!;
  for (;;) {
    const decision = decide(position, supply, rhythm);
    if (decision.kind === 'finish') return turns;
    if (decision.kind === 'wait') {
      supply = pending.shift()!;
      continue;
    }
    turns.push(`${decision.turn}[${decision.from},${decision.to})`);
    position = advance(position, decision, rhythm);
  }
}

describe('the schedule', () => {
  it('runs PRETRAIN > FINETUNE > SCORE > DISTILL > EVALUATE and snapshots every second cycle', () => {
    const kinds = turnsOf([], 20).map((turn) => turn.split('[')[0] as TurnKind);
    const cycle = ['PRETRAIN', 'FINETUNE', 'SCORE', 'DISTILL', 'EVALUATE'];
    expect(kinds).toEqual([...cycle, ...cycle, 'SNAPSHOT']);
  });

  it('takes what is left in a last short cycle and closes with a snapshot', () => {
    const turns = turnsOf([], 23);
    expect(turns.slice(-6)).toEqual([
      'PRETRAIN[20,23)',
      'FINETUNE[20,23)',
      'SCORE[20,23)',
      'DISTILL[20,23)',
      'EVALUATE[20,23)',
      'SNAPSHOT[23,23)',
    ]);
  });

  it('does nothing for an empty journal', () => {
    expect(turnsOf([], 0)).toEqual([]);
  });

  it('waits for a whole cycle while the source goes on', () => {
    expect(decide(origin, { high: 9, ended: false }, rhythm)).toEqual({ kind: 'wait', until: 10 });
  });

  it('is the same however ingest arrives (property)', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.nat(60), { maxLength: 8 }), (total, steps) => {
        const supplies = steps.filter((s) => s <= total).sort((a, b) => a - b);
        expect(turnsOf(supplies, total)).toEqual(turnsOf([], total));
      }),
    );
  });

  it('warms up linearly from zero and then stays', () => {
    const options = { learningRate: 8, warmupSteps: 3 };
    expect([1, 2, 3, 4, 5, 500].map((step) => learningRate(step, options))).toEqual([2, 4, 6, 8, 8, 8]);
    expect(learningRate(1, { learningRate: 8, warmupSteps: 0 })).toBe(8);
  });
});
