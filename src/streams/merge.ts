// Several inputs and partitions -> one deterministic order with bounded lookahead.
//
// In two steps. First the inputs (files) are merged by their next items, in the order of record-order.ts, by
// (timestamp, topic, partition, offset): so what comes out depends on what is in the files and not on the
// order in which they were named. Then partitions are merged in the same way: the smallest waiting head is
// released when every partition of events seen so far has a record waiting and at least `lookahead` records
// are held, when `lookaheadMax` are held, or when all inputs have ended. (Documents may be silent for days.)
//
// Invariants:
// 1. Within a partition offset order is kept, even where timestamps go back.
// 2. Where no record is displaced by more than the lookahead, the order is that of a merge of whole
//    partitions; where moreover no partition's timestamps go back, it is the full sort by record-order.ts.
// 3. At most `lookaheadMax` records are held here, besides what was pushed and not yet needed.
// 4. (partition, offset) is released once. What comes again (overlapping recordings) is dropped and counted;
//    what comes too late to be put in its place is an error, never dropped. So is a document that counts as
//    known from the beginning and comes after it: recordings are in the order of the settings of their time.
import { RestillError } from '../errors.ts';
import { isLetter } from './envelope.ts';
import { openPartition, type Partition } from './partition.ts';
import type { IngestItem, IngestRecord } from './ports.ts';
import type { RecordOrder } from './record-order.ts';
import { partitionKey } from './watermark.ts';

export interface Merge {
  /** The input that must be read before anything more can be released; null when all have ended. */
  wants(): number | null;
  push(input: number, items: readonly IngestItem[]): void;
  end(input: number): void;
  /**
   * Releases up to `count` items into `out`; fewer when an input must be read first or nothing is left.
   * Lines that are no records have no place in the order: they pass at once.
   * @throws RestillError INPUT_UNREADABLE on a further topic, or on a record that comes too late.
   */
  take(out: IngestItem[], count: number): void;
  /** Records held back for the sake of order. */
  readonly held: number;
  /** Records that came again. */
  readonly repeats: number;
}

interface Input {
  items: readonly IngestItem[];
  at: number;
  ended: boolean;
  /** Time of its last record: where a line that is no record stands. */
  lastMs: number;
}

interface MergeOptions {
  readonly lookahead: number;
  readonly lookaheadMax: number;
  readonly order: RecordOrder;
}

export function openMerge(inputCount: number, options: MergeOptions): Merge {
  const { order } = options;
  const inputs = Array.from(
    { length: inputCount },
    (): Input => ({ items: [], at: 0, ended: false, lastMs: Number.NEGATIVE_INFINITY }),
  );
  const partitions = new Map<string, Partition>();
  /** Partitions with a record waiting, as a binary heap by their heads. */
  const heap: Partition[] = [];
  let topic: string | null = null;
  let held = 0;
  /** Whether anything but what comes before everything was released. */
  let begun = false;
  /** Partitions of events that have none waiting. */
  let silent = 0;
  let repeats = 0;

  const hold = (record: IngestRecord): void => {
    const isEvent = record.topic !== order.documents;
    if (isEvent) topic ??= record.topic;
    if (isEvent && record.topic !== topic) throw secondTopic(topic!, record.topic);
    const key = partitionKey(record);
    let partition = partitions.get(key);
    if (partition === undefined) {
      partition = openPartition(key);
      partitions.set(key, partition);
      if (isEvent) silent++;
    }
    const place = partition.hold(record);
    if (place === 'repeat') {
      repeats++;
      return;
    }
    held++;
    if (partition.waiting === 1) {
      if (isEvent) silent--;
      heap.push(partition);
      siftUp(heap, heap.length - 1, order);
    } else if (place === 'head') restoreHeap(heap, order);
  };

  const release = (): IngestRecord => {
    const partition = heap[0]!;
    const record = partition.release();
    if (order.timeOf(record) !== Number.NEGATIVE_INFINITY) begun = true;
    else if (begun) throw knownTooLate(record);
    held--;
    if (partition.waiting === 0) {
      if (record.topic !== order.documents) silent++;
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    siftDown(heap, 0, order);
    return record;
  };

  const mayRelease = (first: number | null): boolean => {
    if (held === 0) return false;
    if (held >= options.lookaheadMax || first === null) return true;
    return held >= options.lookahead && silent === 0;
  };

  return {
    wants() {
      const wanting = inputs.findIndex(isEmpty);
      return wanting < 0 ? null : wanting;
    },
    push(input, items) {
      const to = inputs[input]!;
      to.items = isEmpty(to) ? items : [...to.items.slice(to.at), ...items];
      to.at = 0;
    },
    end(input) {
      inputs[input]!.ended = true;
    },
    take(out, count) {
      while (out.length < count) {
        const starving = inputs.some(isEmpty);
        const first = starving ? starved : firstInput(inputs, order);
        if (mayRelease(first)) out.push(release());
        else if (first === null || first === starved) return;
        else {
          const input = inputs[first]!;
          const item = input.items[input.at++]!;
          if (isLetter(item)) out.push(item);
          else {
            input.lastMs = order.timeOf(item);
            hold(item);
          }
        }
      }
    },
    get held() {
      return held;
    },
    get repeats() {
      return repeats;
    },
  };
}

/**
 * For a source that has merged already: what goes in comes out. Lists come out whole, however long: only of
 * their last records the checksums may be known.
 */
export function openPassage(): Merge {
  let items: readonly IngestItem[] = [];
  let ended = false;
  return {
    wants: () => (ended || items.length > 0 ? null : 0),
    push(_, more) {
      items = items.length === 0 ? more : [...items, ...more];
    },
    end() {
      ended = true;
    },
    take(out) {
      for (const item of items) out.push(item);
      items = [];
    },
    get held() {
      return items.length;
    },
    repeats: 0,
  };
}

/** An input must be read before it is known which is first. */
const starved = -1;

const isEmpty = (input: Input): boolean => !input.ended && input.at === input.items.length;

/** The input with the smallest next item; null when all have ended. */
function firstInput(inputs: readonly Input[], order: RecordOrder): number | null {
  let first: number | null = null;
  for (let index = 0; index < inputs.length; index++) {
    const input = inputs[index]!;
    if (input.at === input.items.length) continue;
    if (first === null || comesBefore(input, inputs[first]!, order)) first = index;
  }
  return first;
}

/** Equal places keep the order of the inputs, which the source has sorted. */
function comesBefore(a: Input, b: Input, order: RecordOrder): boolean {
  const x = a.items[a.at]!;
  const y = b.items[b.at]!;
  if (!isLetter(x) && !isLetter(y)) return order.comesBefore(x, y);
  const xMs = isLetter(x) ? a.lastMs : order.timeOf(x);
  const yMs = isLetter(y) ? b.lastMs : order.timeOf(y);
  return xMs === yMs ? isLetter(x) && !isLetter(y) : xMs < yMs;
}

function siftUp(heap: Partition[], from: number, { comesBefore: isBefore }: RecordOrder): void {
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(heap[at]!.head, heap[parent]!.head)) return;
    [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
    at = parent;
  }
}

function siftDown(heap: Partition[], from: number, { comesBefore: isBefore }: RecordOrder): void {
  let at = from;
  for (;;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && isBefore(heap[child]!.head, heap[least]!.head)) least = child;
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least]!, heap[at]!];
    at = least;
  }
}

/**
 * A new head in the middle of the heap: so rare (files that overlap out of order) that all of it is put in
 * order.
 */
function restoreHeap(heap: Partition[], order: RecordOrder): void {
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) siftDown(heap, at, order);
}

const secondTopic = (first: string, second: string): RestillError =>
  new RestillError(
    'INPUT_UNREADABLE',
    `the recording holds the topics "${first}" and "${second}", a journal holds one of events; ` +
      'name the other in `topics`, record them apart, or filter one out',
  );

const knownTooLate = (record: IngestRecord): RestillError =>
  new RestillError(
    'INPUT_UNREADABLE',
    `offset ${record.offset} of ${partitionKey(record)} counts as known from the beginning ` +
      '(topics.documents_known_before), and comes after other records; ' +
      'record the topics anew with this setting, or give the documents as a file of their own',
  );
