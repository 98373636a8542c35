// Who answers: the live student and, where there is one, the candidate. A student that was replaced answers
// those who hold a lease on it, then it is disposed.
//
// Invariants:
// 1. A student is not disposed while it stands in a slot or a lease on it is out.
// 2. Once neither is so, it is disposed, exactly once, in the call that made it so.
// 3. A lease is of the student that stood there when it was taken, whatever is swapped in later.
import { assert } from '../errors.ts';
import type { Which } from './ports.ts';

export interface Lease<T> {
  readonly student: T;
  /** Once. */
  release(): void;
}

interface Holder {
  placed: boolean;
  leases: number;
}

export type Places<T> = Readonly<Record<Which, T | null>>;

export class Slot<T extends object> {
  #places: Places<T> = { live: null, candidate: null };
  readonly #holders = new Map<T, Holder>();
  readonly #disposed = new WeakSet<T>();
  readonly #dispose: (student: T) => void;

  /** @param dispose must not throw. */
  constructor(dispose: (student: T) => void) {
    this.#dispose = dispose;
  }

  get places(): Places<T> {
    return this.#places;
  }

  /** Students that are not disposed yet, in a place or not. */
  get size(): number {
    return this.#holders.size;
  }

  /** Null where nobody is. */
  lease(which: Which): Lease<T> | null {
    const student = this.#places[which];
    if (student === null) return null;
    this.#holders.get(student)!.leases++;
    let isOut = true;
    const release = (): void => {
      assert(isOut, 'a lease is released once');
      isOut = false;
      this.#holders.get(student)!.leases--;
      this.#settle(student);
    };
    return { student, release };
  }

  /** Moves both pointers at once. Students may change places, and come back while leases are out. */
  place(places: Places<T>): void {
    const wanted = [places.live, places.candidate].filter((student) => student !== null);
    for (const student of wanted) {
      assert(!this.#disposed.has(student), 'a disposed student cannot answer');
      const holder = this.#holders.get(student);
      if (holder) holder.placed = true;
      else this.#holders.set(student, { placed: true, leases: 0 });
    }
    this.#places = { ...places };
    for (const [student, holder] of [...this.#holders]) {
      holder.placed = wanted.includes(student);
      this.#settle(student);
    }
  }

  #settle(student: T): void {
    const { placed, leases } = this.#holders.get(student)!;
    if (placed || leases > 0) return;
    this.#holders.delete(student);
    this.#disposed.add(student);
    this.#dispose(student);
  }
}
