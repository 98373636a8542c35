// The curve: every point of every ranker inside the picture, higher is better, names apart; well-formed
// without data.
import { describe, expect, it } from 'vitest';
import { curveSvg } from '../../src/commands/curve.ts';
import type { CurvePoint } from '../../src/protocol.ts';

const point = (cursor: number, figures: Record<string, number>): CurvePoint => ({
  cursor,
  steps: cursor,
  figures: Object.fromEntries(Object.entries(figures).map(([name, v]) => [`clicks.${name}.ndcg10`, v])),
});

const polylines = (svg: string): number[][][] =>
  [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) =>
    points!.split(' ').map((pair) => pair.split(',').map(Number)),
  );

describe('the curve', () => {
  it('has a line per ranker, left to right, and better is higher', () => {
    const svg = curveSvg(
      [
        point(0, { student: 0.4, random: 0.45 }),
        point(50, { student: 0.5, random: 0.45 }),
        point(100, { student: 0.6, random: 0.45 }),
      ],
      'clicks',
    );
    const [student, random] = polylines(svg);
    expect(student!.map(([x]) => x)).toEqual([60, 335, 610]);
    const heights = student!.map(([, y]) => y!);
    expect(heights[0]! > heights[1]! && heights[1]! > heights[2]!).toBe(true);
    expect(new Set(random!.map(([, y]) => y)).size).toBe(1);
    expect(random![0]![1]).toBeLessThan(heights[0]!); // 0.45 is above 0.4
    for (const [x, y] of polylines(svg).flat()) {
      expect(x! >= 60 && x! <= 610).toBe(true);
      expect(y! >= 40 && y! <= 350).toBe(true);
    }
  });

  it('leaves out points that were not measured, and figures of the other set', () => {
    const svg = curveSvg([point(0, {}), point(10, { student: 0.5 })], 'clicks');
    expect(polylines(svg)).toHaveLength(1);
    expect(polylines(svg)[0]).toHaveLength(1);
    expect(polylines(curveSvg([point(10, { student: 0.5 })], 'judgments'))).toEqual([]);
  });

  it('keeps names at the ends of the lines apart', () => {
    const svg = curveSvg([point(10, { student: 0.5, teacher: 0.5, bm25: 0.5, random: 0.501 })], 'clicks');
    const heights = [...svg.matchAll(/x="620" y="([\d.]+)"/g)]
      .map(([, y]) => Number(y))
      .sort((a, b) => a - b);
    expect(heights).toHaveLength(4);
    for (let i = 1; i < 4; i++) expect(heights[i]! - heights[i - 1]!).toBeGreaterThanOrEqual(15.9);
  });

  it('is a picture even of nothing, without a number that is none', () => {
    for (const svg of [
      curveSvg([], 'clicks'),
      curveSvg([point(0, {})], 'clicks'),
      curveSvg([point(5, { student: 1 })], 'clicks'),
    ]) {
      expect(svg.startsWith('<svg ')).toBe(true);
      expect(svg.trimEnd().endsWith('</svg>')).toBe(true);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});
