// What is due when: a binary heap by time, in which equal times keep the order in which they came.

export interface Agenda<T> {
  readonly size: number;
  add(timeMs: number, item: T): void;
  /** Removes and yields, in order, all that is due before `timeMs`. */
  before(timeMs: number): Generator<T>;
}

interface Entry<T> {
  readonly timeMs: number;
  readonly number: number;
  readonly item: T;
}

export function agenda<T>(): Agenda<T> {
  const heap: Entry<T>[] = [];
  let added = 0;
  const precedes = (a: number, b: number): boolean => {
    const [x, y] = [heap[a]!, heap[b]!];
    return x.timeMs < y.timeMs || (x.timeMs === y.timeMs && x.number < y.number);
  };
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const rise = (at: number): void => {
    const parent = (at - 1) >> 1;
    if (at === 0 || precedes(parent, at)) return;
    swap(at, parent);
    rise(parent);
  };
  const sink = (at: number): void => {
    const children = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length);
    const first = children.length === 2 && precedes(children[1]!, children[0]!) ? children[1]! : children[0];
    if (first === undefined || precedes(at, first)) return;
    swap(at, first);
    sink(first);
  };
  return {
    get size() {
      return heap.length;
    },
    add(timeMs, item) {
      heap.push({ timeMs, number: added++, item });
      rise(heap.length - 1);
    },
    *before(timeMs) {
      while (heap.length > 0 && heap[0]!.timeMs < timeMs) {
        const { item } = heap[0]!;
        swap(0, heap.length - 1);
        heap.pop();
        sink(0);
        yield item;
      }
    },
  };
}
