// Ages of clicks: counted from the broker's timestamp to the first generation that serves and has learnt from
// their page; holdout pages never go live; what a generation that is held has learnt goes live with the next.
import { expect, it } from 'vitest';
import { Ages } from '../../../bench/broker/ages.ts';
import { groupOf } from '../../support/groups.ts';

it('ages clicks by the generation that serves first', () => {
  const ages = new Ages();
  ages.clicked('i0', 1_000);
  ages.clicked('i0', 2_000);
  ages.clicked('i1', 3_000);
  ages.clicked('i2', 4_000);
  ages.learnt([groupOf(0)], 1);
  expect(ages.count).toBe(0); // Held by the gate: it does not serve.
  ages.learnt([groupOf(1), groupOf(2, { holdout: true })], 3);
  ages.live(11_000);
  ages.live(60_000);
  expect(ages.seconds()).toEqual({ median: 9, p90: 10, max: 10 });
  expect([ages.count, ages.cursor]).toEqual([3, 3]);
});

it('counts a click that comes after its page once, with the correction', () => {
  const ages = new Ages();
  ages.clicked('i0', 1_000);
  ages.learnt([groupOf(0)], 1);
  ages.live(5_000);
  ages.clicked('i0', 6_000);
  ages.learnt([groupOf(1, { impressionId: 'i0', corrects: 0 })], 2);
  ages.live(8_000);
  expect([ages.count, ages.seconds().max]).toEqual([2, 4]);
});

it('knows no age before the first', () => {
  expect(new Ages().seconds().median).toBeNaN();
});
