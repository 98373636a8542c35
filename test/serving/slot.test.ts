// Invariants, for any order of what callers and swaps do:
// - no lease ever sees a disposed student; a lease is of who stood there when it was taken
// - every replaced student is disposed exactly once, as soon as its last lease is back and not before
// - who stands in a place is never disposed; students may change places and come back
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lease, Slot } from '../../src/serving/slot.ts';

interface Student {
  readonly name: number;
  disposals: number;
}

const openSlot = () => new Slot<Student>((student) => student.disposals++);
const student = (name: number): Student => ({ name, disposals: 0 });

describe('a slot', () => {
  it('keeps a replaced student until its last lease is back', () => {
    const slot = openSlot();
    const [first, second] = [student(1), student(2)];
    slot.place({ live: first, candidate: null });
    const leases = [slot.lease('live')!, slot.lease('live')!];
    slot.place({ live: second, candidate: null });
    expect(slot.lease('live')!.student).toBe(second);
    leases[0]!.release();
    expect(first.disposals).toBe(0);
    leases[1]!.release();
    expect(first.disposals).toBe(1);
    expect(slot.size).toBe(1);
  });

  it('disposes one that nobody holds when it is replaced', () => {
    const slot = openSlot();
    const [first, second] = [student(1), student(2)];
    slot.place({ live: first, candidate: second });
    slot.place({ live: second, candidate: null });
    expect([first.disposals, second.disposals]).toEqual([1, 0]);
    expect(slot.lease('candidate')).toBeNull();
  });

  it('takes back one that is still leased', () => {
    const slot = openSlot();
    const [first, second] = [student(1), student(2)];
    slot.place({ live: first, candidate: null });
    const lease = slot.lease('live')!;
    slot.place({ live: second, candidate: null });
    slot.place({ live: first, candidate: second });
    lease.release();
    expect([first.disposals, second.disposals]).toEqual([0, 0]);
  });

  it('refuses a lease released twice and a disposed student', () => {
    const slot = openSlot();
    const first = student(1);
    slot.place({ live: first, candidate: null });
    const lease = slot.lease('live')!;
    lease.release();
    expect(() => lease.release()).toThrow('released once');
    slot.place({ live: null, candidate: null });
    expect(() => slot.place({ live: first, candidate: null })).toThrow('disposed');
  });

  it('holds its invariants whatever happens', () => {
    const which = fc.constantFrom('live' as const, 'candidate' as const);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('lease' as const), which }),
      fc.record({ kind: fc.constant('release' as const), at: fc.nat(50) }),
      fc.record({
        kind: fc.constant('place' as const),
        live: fc.option(fc.nat(5)),
        candidate: fc.option(fc.nat(5)),
      }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), checkRun), { numRuns: 400 });
  });
});

type Step =
  | { readonly kind: 'lease'; readonly which: 'live' | 'candidate' }
  | { readonly kind: 'release'; readonly at: number }
  | { readonly kind: 'place'; readonly live: number | null; readonly candidate: number | null };

/** Numbers of students below 6 are those of the pool, a new one in the place of a disposed one. */
function checkRun(steps: readonly Step[]): void {
  const slot = openSlot();
  const pool = Array.from({ length: 6 }, (_, name) => student(name));
  const all = new Set(pool);
  const out: Lease<Student>[] = [];
  const pick = (at: number | null): Student | null => {
    if (at === null) return null;
    if (pool[at]!.disposals > 0) pool[at] = student(at);
    all.add(pool[at]!);
    return pool[at]!;
  };
  for (const step of steps) {
    if (step.kind === 'lease') {
      const lease = slot.lease(step.which);
      expect(lease?.student ?? null).toBe(slot.places[step.which]);
      if (lease) out.push(lease);
    } else if (step.kind === 'release') {
      const [lease] = out.splice(step.at, 1);
      lease?.release();
    } else slot.place({ live: pick(step.live), candidate: pick(step.candidate) });
    const { live, candidate } = slot.places;
    const needed = new Set([...out.map((lease) => lease.student), live, candidate].filter((s) => s !== null));
    for (const { disposals } of needed) expect(disposals).toBe(0);
    expect(slot.size).toBe(needed.size);
  }
  for (const lease of out) lease.release();
  const placed = new Set(pool.filter((s) => s === slot.places.live || s === slot.places.candidate));
  for (const one of all) expect(one.disposals).toBeLessThanOrEqual(1);
  expect(slot.size).toBe(placed.size);
}
