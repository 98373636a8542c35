// Promise 6: no label older than the staleness bound. Promise 11: the table is bounded. Calibration is
// affine.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, fitCalibration } from '../../src/trainer/calibration.ts';
import { type Label, LabelTable, labelKey } from '../../src/trainer/labels.ts';
import { countHeld } from '../support/garbage.ts';

const key = (n: number): string => n.toString(16).padStart(16, '0');

describe('labels', () => {
  it('are used up to the staleness bound and not beyond', () => {
    const table = new LabelTable(10);
    table.set(key(1), { teacherVersion: 3, score: 1 });
    expect(table.fresh(key(1), 5, 2)?.score).toBe(1);
    expect(table.fresh(key(1), 6, 2)).toBeUndefined();
    expect(table.fresh(key(1), 3, 0)?.score).toBe(1);
    expect(table.fresh(key(1), 4, 0)).toBeUndefined();
  });

  it('forget the one set longest ago', () => {
    const table = new LabelTable(2);
    table.set(key(1), { teacherVersion: 1, score: 1 });
    table.set(key(2), { teacherVersion: 1, score: 2 });
    table.set(key(1), { teacherVersion: 2, score: 3 });
    table.set(key(3), { teacherVersion: 2, score: 4 });
    expect([1, 2, 3].map((n) => table.get(key(n))?.score)).toEqual([3, undefined, 4]);
  });

  it('that were set again are held no more, however long the table lives', async () => {
    const held = await countHeld((watch) => {
      const table = new LabelTable(10);
      for (let n = 0; n < 1_000; n++) {
        const label: Label = { teacherVersion: n, score: n };
        watch(label);
        table.set(key(n % 5), label);
      }
      return table;
    });
    expect(held).toBe(5);
  });

  it('are keyed by content: fields cannot run together', () => {
    const document = { title: 'b', summary: 'c' };
    expect(labelKey('a', document)).toBe(labelKey('a', { ...document }));
    expect(labelKey('a', document)).not.toBe(labelKey('a b', { title: '', summary: 'c' }));
    expect(labelKey('a', { title: 'b c', summary: '' })).not.toBe(labelKey('a', document));
  });

  it('survive encoding, with their order (property)', () => {
    const entry = fc.tuple(fc.nat(30), fc.nat(9), fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const table = new LabelTable(8);
        for (const [k, teacherVersion, score] of entries)
          table.set(key(k), { teacherVersion, score: Math.fround(score) });
        const again = LabelTable.decode(table.encode(), 8);
        expect(Buffer.from(again.encode()).equals(Buffer.from(table.encode()))).toBe(true);
        expect(again.size).toBe(table.size);
      }),
    );
  });
});

describe('calibration', () => {
  it('standardises by mean and deviation', () => {
    const c = fitCalibration(4, [1, 3, 5, 7]);
    expect(c).toEqual({ teacherVersion: 4, shift: 4, scale: Math.sqrt(5) });
    expect(calibrate(4, c)).toBe(0);
    expect(calibrate(4 + Math.sqrt(5), c)).toBeCloseTo(1, 12);
  });

  it('does not blow up the noise of a teacher that gives everything the same score', () => {
    expect(fitCalibration(1, [2, 2, 2]).scale).toBe(1e-3);
    expect(fitCalibration(1, [2])).toEqual({ teacherVersion: 1, shift: 2, scale: 1 });
  });
});
