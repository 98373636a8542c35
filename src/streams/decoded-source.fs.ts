// A live source whose records are decoded by a thread of their own, ahead of ingest, which keeps this one
// busy (docs/decisions/0018-decoding-thread.md).
//
// Invariants:
// 1. What comes out is what the source yields, in its order: items, empty lists, its end, its error.
// 2. Read ahead are at most `aheadMax` pieces, each of about `pieceBytes` or one record, and what the source
//    gives at a time.
import type { Config } from '../config.ts';
import { assert } from '../errors.ts';
import type { DecodingSettings } from './decoding.ts';
import { DecodingThread } from './decoding-client.fs.ts';
import type { LiveSource } from './live.ts';
import type { SourceItem } from './ports.ts';
import { startThread } from './thread.fs.ts';

/** Content of one piece: some hundred records. Each piece wakes both threads. */
const pieceBytes = 1 << 20;
const aheadMax = 4;

/** Closes the source when it is closed itself. */
export function decodeAhead(source: LiveSource, config: Config): LiveSource {
  const thread = startDecoding(config);
  const ahead = new Ahead(source, thread);
  return {
    kind: source.kind,
    inputs: source.inputs,
    read: () => ahead.read(),
    progress: () => source.progress(),
    partitions: () => source.partitions(),
    acknowledge: (offsets) => source.acknowledge(offsets),
    takeUpAgain: () => source.takeUpAgain(),
    close: async () => {
      await source.close();
      await thread.close();
    },
  };
}

function startDecoding({ topic, events, topics, records }: Config): DecodingThread {
  assert(topic !== null, 'a live source has a topic');
  const bytes = Math.max(pieceBytes, records.bytesMax);
  const buffers = Array.from({ length: aheadMax }, () => new SharedArrayBuffer(bytes));
  const workerData: DecodingSettings = { events, topics, records, buffers };
  const worker = startThread(import.meta.url, './decoding-thread.fs', { name: 'decoding', workerData });
  return new DecodingThread(worker, topic, buffers);
}

type Items = SourceItem[] | null;

class Ahead {
  readonly #source: LiveSource;
  readonly #thread: DecodingThread;
  /** Read, in order; not being decoded yet. */
  #read: Items[] = [];
  /** Being decoded, or done, in order. */
  readonly #steps: Promise<Items>[] = [];
  #isReading = false;
  #notify: () => void = () => {};

  constructor(source: LiveSource, thread: DecodingThread) {
    this.#source = source;
    this.#thread = thread;
  }

  async read(): Promise<Items> {
    this.#advance();
    while (this.#steps.length === 0)
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    const items = await this.#steps[0]!;
    void this.#steps.shift();
    this.#advance();
    return items;
  }

  #advance(): void {
    while (this.#steps.length < aheadMax && this.#read.length > 0)
      this.#add(this.#decoded(this.#read.shift()!));
    if (this.#steps.length === aheadMax || this.#isReading) return;
    this.#isReading = true;
    void this.#source.read(0).then(
      (items) => {
        // Nothing is read after the end, or an error.
        this.#isReading = items === null;
        this.#read = items === null || items.length === 0 ? [items] : piecesOf(items, this.#thread);
        this.#advance();
      },
      (error: Error) => this.#add(Promise.reject(error)),
    );
  }

  async #decoded(items: Items): Promise<Items> {
    if (items !== null) await this.#thread.decode(items);
    return items;
  }

  #add(step: Promise<Items>): void {
    step.catch(() => {}); // Thrown where it is read.
    this.#steps.push(step);
    this.#notify();
  }
}

function piecesOf(items: readonly SourceItem[], thread: DecodingThread): SourceItem[][] {
  const pieces: SourceItem[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const length = thread.bytesOf(item)?.length ?? 0;
    bytes += length;
    if (bytes > pieceBytes && pieces.at(-1)!.length > 0) {
      pieces.push([]);
      bytes = length;
    }
    pieces.at(-1)!.push(item);
  }
  return pieces;
}
