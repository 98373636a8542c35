// Promise 3: the state comes back as it was, or not at all. Promise 11: the curve is bounded.
import { describe, expect, it } from 'vitest';
import { addPoint, decodeState, encodeState, enter, freshState } from '../../src/trainer/state.ts';
import { groupOf } from '../support/groups.ts';

describe('the state', () => {
  it('comes back as it was, to the last bit of every number', () => {
    const state = freshState();
    state.position = { cursor: 5, cycle: 2, turn: 'DISTILL', stepsDone: 3, retireTo: 4 };
    state.sums = { steps: 3, loss: 0.1 + 0.2, gradientNorm: 1e-300, refusedInARow: 1 };
    state.calibrations = [{ teacherVersion: 2, shift: Math.PI, scale: 1 / 3 }];
    addPoint(state, { cursor: 5, steps: 8, figures: { 'clicks.student.ndcg10': 2 / 3 } });
    enter(state.provenance, [groupOf(3)]);
    expect(decodeState(encodeState(state))).toEqual(state);
  });

  it('is not stored with a number that JSON does not have', () => {
    const state = freshState();
    state.calibrations = [{ teacherVersion: 1, shift: Number.NaN, scale: 1 }];
    expect(() => encodeState(state)).toThrow('shift in the state is NaN');
  });

  it('of before there were anchors is read, and has none', () => {
    const { anchor: _, teacherModel: __, ...old } = freshState();
    const bytes = Buffer.from(JSON.stringify({ version: 1, ...old }));
    expect(decodeState(bytes)).toEqual(freshState());
  });

  it('of an unknown version is refused', () => {
    const bytes = Buffer.from(JSON.stringify({ ...freshState(), version: 2 }));
    expect(() => decodeState(bytes)).toThrow(/version 2, this restill reads version 1/);
  });
});

describe('the curve', () => {
  it('is thinned when it is full; its first and newest points stay', () => {
    const state = freshState();
    for (let cursor = 0; cursor <= 5_000; cursor++) {
      addPoint(state, { cursor, steps: 0, figures: {} });
      expect(state.curve.length).toBeLessThanOrEqual(400);
      expect([state.curve[0]!.cursor, state.curve.at(-1)!.cursor]).toEqual([0, cursor]);
    }
    const cursors = state.curve.map(({ cursor }) => cursor);
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
    expect(cursors.length).toBeGreaterThan(200);
  });
});

describe('the provenance', () => {
  it('is one past the newest impression learnt of each partition, and the span of event time', () => {
    const { provenance } = freshState();
    enter(provenance, [groupOf(4), groupOf(7), groupOf(2)]);
    enter(provenance, [groupOf(5)]);
    expect(provenance).toEqual({
      topic: 'clicks',
      offsets: { 'clicks/0': 5, 'clicks/1': 8 },
      eventFromMs: 1_002,
      eventToMs: 2_007,
      groups: 4,
    });
  });
});
