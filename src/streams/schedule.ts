// When something is due: one heap of timers per partition, ordered by event time.
//
// Invariants:
// 1. Timers of a partition come out in the order (dueMs, kind, order): a total order, so that a schedule
//    rebuilt from the saved tables gives them out as the one that was killed would have.
// 2. A timer is only a reminder. Whoever takes it asks whether it still holds (`holds`): entries leave early,
//    and their timers are dropped when they come up or when they are the most of a heap, so memory stays in
//    proportion.

const kinds = ['orphan', 'open', 'retained', 'remembered', 'session'] as const;
export type TimerKind = (typeof kinds)[number];

/** Reminds of the entry `key` with insertion number `order` in the table of its kind. */
export interface Timer {
  /** Due once the partition's watermark is greater, milliseconds of event time. */
  readonly dueMs: number;
  readonly kind: TimerKind;
  readonly order: number;
  readonly key: string;
}

/** Stands for a partition where a timer waits for the slowest of all. */
export const everyPartition = '';

/** Below this size a heap is never swept for timers that no longer hold. */
const sweepMin = 1024;

interface Heap {
  timers: Timer[];
  /** Size at which it is swept next. */
  sweepAt: number;
}

export class Schedule {
  readonly #heaps = new Map<string, Heap>();
  readonly #holds: (timer: Timer) => boolean;
  #earliestMs = Number.POSITIVE_INFINITY;

  constructor(holds: (timer: Timer) => boolean) {
    this.#holds = holds;
  }

  /** No timer of any partition is due before; it may lie before the earliest. */
  get earliestMs(): number {
    return this.#earliestMs;
  }

  /** Timers held, those that no longer hold among them. */
  get size(): number {
    let size = 0;
    for (const heap of this.#heaps.values()) size += heap.timers.length;
    return size;
  }

  add(partition: string, timer: Timer): void {
    let heap = this.#heaps.get(partition);
    if (heap === undefined) {
      heap = { timers: [], sweepAt: sweepMin };
      this.#heaps.set(partition, heap);
    }
    if (heap.timers.length >= heap.sweepAt) sweep(heap, this.#holds);
    heap.timers.push(timer);
    rise(heap.timers, heap.timers.length - 1);
    if (timer.dueMs < this.#earliestMs) this.#earliestMs = timer.dueMs;
  }

  /** Takes the next timer of the partition that is due and still holds; null if there is none. */
  take(partition: string, watermarkMs: number): Timer | null {
    const timers = this.#heaps.get(partition)?.timers ?? [];
    while (timers.length > 0 && timers[0]!.dueMs < watermarkMs) {
      const timer = pop(timers);
      if (this.#holds(timer)) return timer;
    }
    return null;
  }

  /** Makes `earliestMs` exact again. */
  settle(): void {
    this.#earliestMs = Number.POSITIVE_INFINITY;
    for (const { timers } of this.#heaps.values())
      if (timers.length > 0) this.#earliestMs = Math.min(this.#earliestMs, timers[0]!.dueMs);
  }
}

function before(a: Timer, b: Timer): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.kind !== b.kind) return kinds.indexOf(a.kind) < kinds.indexOf(b.kind);
  return a.order < b.order;
}

function sweep(heap: Heap, holds: (timer: Timer) => boolean): void {
  heap.timers = heap.timers.filter(holds);
  for (let at = (heap.timers.length >> 1) - 1; at >= 0; at--) sink(heap.timers, at);
  heap.sweepAt = Math.max(sweepMin, 2 * heap.timers.length);
}

function pop(timers: Timer[]): Timer {
  const first = timers[0]!;
  const last = timers.pop()!;
  if (timers.length > 0) {
    timers[0] = last;
    sink(timers, 0);
  }
  return first;
}

function rise(timers: Timer[], from: number): void {
  const timer = timers[from]!;
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timer, timers[parent]!)) break;
    timers[at] = timers[parent]!;
    at = parent;
  }
  timers[at] = timer;
}

function sink(timers: Timer[], from: number): void {
  const timer = timers[from]!;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= timers.length) break;
    if (child + 1 < timers.length && before(timers[child + 1]!, timers[child]!)) child++;
    if (!before(timers[child]!, timer)) break;
    timers[at] = timers[child]!;
    at = child;
  }
  timers[at] = timer;
}
