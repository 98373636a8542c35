// The thread that decodes, as the one sees it that ingests. It keeps no process alive.
import type { Worker } from 'node:worker_threads';
import { RestillError } from '../errors.ts';
import type { Decoded } from './decode.ts';
import { type Piece, writePiece } from './decoding.ts';
import { type EventColumns, EventUnpacking, type Said } from './event-columns.ts';
import { PlacedMessage } from './message.ts';
import type { SourceItem } from './ports.ts';

interface Asked {
  readonly messages: readonly PlacedMessage[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class DecodingThread {
  readonly #topic: string;
  readonly #buffers: readonly Uint8Array[];
  readonly #worker: Worker;
  readonly #unpacking = new EventUnpacking();
  /** In the order in which the answers come. */
  #asked: Asked[] = [];
  #count = 0;
  #death: RestillError | null = null;

  /**
   * @param worker one that decodes (decoding-thread.fs.ts).
   * @param topic whose records are events; what others hold is left to the one that ingests.
   * @param buffers the worker's too: as many as pieces may be asked at a time.
   */
  constructor(worker: Worker, topic: string, buffers: readonly SharedArrayBuffer[]) {
    this.#worker = worker;
    this.#topic = topic;
    this.#buffers = buffers.map((buffer) => new Uint8Array(buffer));
    worker.unref();
    worker.on('message', (columns: EventColumns) => this.#take(columns));
    worker.on('error', (cause) => this.#die(cause));
    worker.on('messageerror', (cause) => this.#die(cause));
    worker.on('exit', (code) => this.#die(new Error(`it left with code ${code}`)));
  }

  /** What it would be sent of the item; null where that is left to the one that ingests. */
  bytesOf(item: SourceItem): Uint8Array | null {
    return item instanceof PlacedMessage && item.topic === this.#topic ? item.bytes : null;
  }

  /**
   * Finds out what the items say, which must fit into a buffer together; `decoded` of each tells, where that
   * is not left to the one that ingests.
   * @throws RestillError BUG when the thread died
   */
  decode(items: readonly SourceItem[]): Promise<void> {
    const messages = items.filter((item): item is PlacedMessage => this.bytesOf(item) !== null);
    if (this.#death !== null) return Promise.reject(this.#death);
    const buffer = this.#count++ % this.#buffers.length;
    const ends = writePiece(
      this.#buffers[buffer]!,
      messages.map((message) => message.bytes!),
    );
    this.#worker.postMessage({ topic: this.#topic, buffer, ends } satisfies Piece);
    return new Promise((resolve, reject) => {
      this.#asked.push({ messages, resolve, reject });
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(columns: EventColumns): void {
    const { messages, resolve } = this.#asked.shift()!;
    const said = this.#unpacking.unpack(columns);
    for (const [index, message] of messages.entries()) message.decoded = decodedOf(said[index]!, message);
    resolve();
  }

  #die(cause: Error): void {
    this.#death ??= new RestillError(
      'BUG',
      `the thread that decodes records died: ${cause.message}; what came before was taken; start again, ` +
        'which goes on from there, and report it if it happens again',
      { cause },
    );
    for (const { reject } of this.#asked) reject(this.#death);
    this.#asked = [];
  }
}

function decodedOf(said: Said, message: PlacedMessage): Decoded {
  if (said === null || 'kind' in said) return said;
  const opened = message.open();
  return { record: 'record' in opened ? opened.record : opened, ...said };
}
