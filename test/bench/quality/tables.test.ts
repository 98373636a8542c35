// Tables: a click rate is clicks over looks, a look an impression times its position's propensity; one look
// at the mean rate comes first.
import { expect, it } from 'vitest';
import { clickRates } from '../../../bench/quality/tables.ts';
import { labelKey } from '../../../src/trainer/labels.ts';

const shown = (title: string, propensity: number, clicked: boolean) => ({
  ...{ documentId: title, title, summary: '', position: 1 },
  ...{ propensity, clicked, satisfied: clicked },
});

it('divides clicks by looks', () => {
  const groups = [
    { query: 'q', results: [shown('x', 1, true), shown('y', 0.5, true)] },
    { query: 'q', results: [shown('x', 1, false), shown('y', 0.5, false)] },
  ];
  const rates = clickRates(groups);
  const mean = 2 / 3;
  expect(rates.get(labelKey('q', shown('x', 1, true)))).toBeCloseTo((1 + mean) / (2 + 1), 12);
  expect(rates.get(labelKey('q', shown('y', 1, true)))).toBeCloseTo((1 + mean) / (1 + 1), 12);
  expect(rates.size).toBe(2);
});
