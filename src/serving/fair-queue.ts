// In which order the sequences of many requests are scored, so that a large request does not keep small ones
// waiting: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996). Every request begins at the virtual
// time of its arrival, each of its items moves it on by its cost, and the item that begins first is next.
//
// Invariants:
// 1. Items of one flow leave in the order in which they were added.
// 2. While two flows both wait, what they have been given differs by at most one item of each.
// 3. A flow that comes later waits for nobody longer than for one item of each flow that was there.
import { assert } from '../errors.ts';

/** One request's items that still wait. */
export interface Flow<T> {
  readonly items: readonly T[];
  /** Index of the next one. */
  at: number;
  /** Virtual time at which it begins. */
  start: number;
}

export class FairQueue<T> {
  /** In order of arrival, which decides between equals. */
  readonly #flows = new Set<Flow<T>>();
  readonly #cost: (item: T) => number;
  #now = 0;
  #size = 0;
  #waiting = 0;

  /** @param cost positive, the same at each call. */
  constructor(cost: (item: T) => number) {
    this.#cost = cost;
  }

  /** Items that wait. */
  get size(): number {
    return this.#size;
  }

  /** Their cost. */
  get waiting(): number {
    return this.#waiting;
  }

  add(items: readonly T[]): Flow<T> {
    assert(items.length > 0, 'a flow has items');
    const flow: Flow<T> = { items, at: 0, start: this.#now };
    this.#flows.add(flow);
    this.#size += items.length;
    this.#waiting += items.reduce((sum, item) => sum + this.#cost(item), 0);
    return flow;
  }

  /** Takes out what still waits of a flow; nothing happens where nothing does. */
  remove(flow: Flow<T>): void {
    if (!this.#flows.delete(flow)) return;
    const rest = flow.items.slice(flow.at);
    this.#size -= rest.length;
    this.#waiting -= rest.reduce((sum, item) => sum + this.#cost(item), 0);
  }

  /** The next items, as many as cost at most `costMax` together; at least one unless the queue is empty. */
  take(costMax: number): T[] {
    const taken: T[] = [];
    let room = costMax;
    for (let flow = this.#next(); flow !== null; flow = this.#next()) {
      const item = flow.items[flow.at]!;
      const cost = this.#cost(item);
      if (taken.length > 0 && cost > room) break;
      taken.push(item);
      room -= cost;
      this.#now = flow.start;
      flow.start += cost;
      flow.at++;
      this.#size--;
      this.#waiting -= cost;
      if (flow.at === flow.items.length) this.#flows.delete(flow);
    }
    return taken;
  }

  #next(): Flow<T> | null {
    let first: Flow<T> | null = null;
    for (const flow of this.#flows) if (first === null || flow.start < first.start) first = flow;
    return first;
  }
}
