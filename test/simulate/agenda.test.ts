// What is due comes out by time, equal times in the order they came, whatever else is still open.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { agenda } from '../../src/simulate/agenda.ts';

it('yields what is due in order of time, then of arrival', () => {
  const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 21 }), (all, until) => {
      const open = agenda<{ timeMs: number; number: number }>();
      const items = all.map((timeMs, number) => ({ timeMs, number }));
      for (const item of items) open.add(item.timeMs, item);
      const sorted = [...items].sort((a, b) => a.timeMs - b.timeMs || a.number - b.number);
      const due = sorted.filter((item) => item.timeMs < until);
      expect([...open.before(until)]).toEqual(due);
      expect(open.size).toBe(items.length - due.length);
      expect([...open.before(Infinity)]).toEqual(sorted.slice(due.length));
    }),
  );
});
