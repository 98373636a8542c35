// Drawn clicks have the frequencies that the models state; the looks worked out are the looks drawn.
import { describe, expect, it } from 'vitest';
import { randomFor } from '../../src/random.ts';
import { type ClickModel, clickModels, drawClicks, examination } from '../../src/simulate/click-model.ts';

const draws = 40_000;

/** Share of draws with a click, by position. */
function frequencies(model: ClickModel, grades: number[]): number[] {
  const random = randomFor(3, 'draws', model.kind);
  const clicks = grades.map(() => 0);
  for (let i = 0; i < draws; i++)
    drawClicks(model, grades, random).forEach((clicked, at) => {
      clicks[at]! += clicked ? 1 : 0;
    });
  return clicks.map((count) => count / draws);
}

/** Four standard errors: one seed in 15,000 would fail by chance, and the seed is fixed. */
const bound = (p: number): number => 4 * Math.sqrt((p * (1 - p)) / draws);

describe('position-based model', () => {
  const model: ClickModel = { kind: 'pbm', theta: [1, 0.5, 0.25], attractiveness: [0.1, 0.2, 0.4, 0.8] };

  it('clicks with probability theta times attractiveness', () => {
    const grades = [2, 3, 0];
    const expected = [0.4, 0.5 * 0.8, 0.25 * 0.1];
    frequencies(model, grades).forEach((found, i) => {
      expect(Math.abs(found - expected[i]!)).toBeLessThan(bound(expected[i]!));
    });
  });

  it('looks independently of what else is on the page', () => {
    expect(examination(model, [3, 3, 3])).toEqual([1, 0.5, 0.25]);
    expect(examination(model, [0, 0])).toEqual([1, 0.5]);
    expect(() => examination(model, [0, 0, 0, 0])).toThrow(/more results than theta/);
  });
});

describe('dynamic Bayesian network', () => {
  const model: ClickModel = {
    kind: 'dbn',
    attractiveness: [0.1, 0.2, 0.4, 0.8],
    satisfaction: [0, 0, 0.5, 0.9],
    perseverance: 0.75,
  };

  it('goes on to the next result unless satisfied or tired', () => {
    // After a result of grade 2: not satisfied with 1 - 0.4 x 0.5 = 0.8, and goes on with 0.75.
    const [first, second, third] = examination(model, [2, 3, 0]);
    expect([first, second]).toEqual([1, 0.8 * 0.75]);
    expect(third).toBeCloseTo(0.6 * (1 - 0.8 * 0.9) * 0.75, 12);
  });

  it('clicks with probability look times attractiveness', () => {
    const grades = [2, 3, 0, 1, 3];
    const looks = examination(model, grades);
    frequencies(model, grades).forEach((found, i) => {
      const expected = looks[i]! * model.attractiveness[grades[i]!]!;
      expect(Math.abs(found - expected)).toBeLessThan(bound(expected));
    });
  });

  it('never clicks below a result that surely satisfies', () => {
    const sure: ClickModel = {
      ...model,
      attractiveness: [1, 1, 1, 1],
      satisfaction: [0, 0, 0, 1],
      perseverance: 1,
    };
    expect(drawClicks(sure, [0, 1, 3, 3, 0], randomFor(1))).toEqual([true, true, true, false, false]);
  });
});

it('both default models fit ten results and know four grades, the better the more attractive', () => {
  for (const model of Object.values(clickModels)) {
    const looks = examination(model, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
    looks.slice(1).forEach((p, i) => {
      expect(p).toBeLessThan(looks[i]!);
    });
    expect([...model.attractiveness].sort((a, b) => a - b)).toEqual([...model.attractiveness]);
  }
});
