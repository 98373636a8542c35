// Every bound holds, and every value out of bounds is named.
import { describe, expect, it } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { checkOptions, defaults } from '../../src/simulate/options.ts';

describe('options', () => {
  it('accept the defaults and a clean topic', () => {
    const none = {
      lateShare: 0,
      duplicateShare: 0,
      malformedRate: 0,
      orphanRate: 0,
      botPages: 0,
      stallShare: 0,
    };
    checkOptions(defaults);
    checkOptions({ ...defaults, faults: none });
  });

  it('name all values out of bounds at once', () => {
    const faults = { ...defaults.faults, lateShare: 1.5 };
    const wrong = { ...defaults, partitions: 0, days: Number.NaN, startMs: Number.NaN, faults };
    expect(() => checkOptions(wrong)).toThrow(RestillError);
    expect(() => checkOptions(wrong)).toThrow(/--partitions is 0, expected 1 to 1024/);
    expect(() => checkOptions(wrong)).toThrow(/--days is NaN/);
    expect(() => checkOptions(wrong)).toThrow(/--late-share is 1\.5, expected 0 to 1/);
    expect(() => checkOptions(wrong)).toThrow(/--start is no date/);
  });
});
