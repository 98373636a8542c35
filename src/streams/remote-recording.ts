// A recording that another thread reads, as it looks from here.
//
// Invariants:
// 1. What was read before a break comes first, then the error; also where the other thread is lost.
// 2. At most `aheadMax` batches are under way or wait here.
// 3. Who waits hears of it at once when the recording is closed or the other thread is lost.
import type { RestillError } from '../errors.ts';
import { unpackItems } from './columns.ts';
import type { SourceItem } from './ports.ts';
import { errorOf, type FromReader, type ToReader } from './reading.ts';

/** So many that this thread hardly ever waits for one. */
const aheadMax = 3;

/** To the thread that reads. */
export interface Line {
  send(message: ToReader): void;
  /** Told before and after somebody waits for the other side. */
  waits(by: 1 | -1): void;
}

type Batch = Extract<FromReader, { kind: 'batch' }>;

export class RemoteRecording {
  bytesTotal = 0;
  /** Bytes of the file that were used up for what has been delivered. */
  bytesRead = 0;
  readonly #line: Line;
  #batches: Batch[] = [];
  /** What comes after the batches: the error, or the end. */
  #last: { readonly failure: RestillError | null; readonly bytesRead: number } | null = null;
  #opened = false;
  #closing = false;
  #closed = false;
  #notify: (() => void)[] = [];

  constructor(line: Line) {
    this.#line = line;
  }

  /**
   * Once, before anything else.
   * @throws RestillError INPUT_UNREADABLE, and BUG when the other thread is lost
   */
  async open(path: string, bytesMax: number): Promise<void> {
    this.#line.send({ kind: 'open', path, bytesMax });
    for (let batch = 0; batch < aheadMax; batch++) this.#line.send({ kind: 'want' });
    while (!this.#opened && this.#last === null) await this.#news();
    if (!this.#opened) throw this.#last!.failure!;
  }

  /** The next items, one call at a time; null when there are no more. @throws RestillError as `open` */
  async read(): Promise<SourceItem[] | null> {
    while (this.#batches.length === 0 && this.#last === null) await this.#news();
    const next = this.#batches.shift() ?? this.#last!;
    this.bytesRead = next.bytesRead;
    if ('columns' in next) {
      this.#line.send({ kind: 'want' });
      return unpackItems(next.columns);
    }
    if (next.failure !== null) throw next.failure;
    return null;
  }

  /** Resolves when the file is closed. To whoever reads, the recording ends here. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#batches = [];
      this.#last = { failure: null, bytesRead: this.bytesRead };
      this.#line.send({ kind: 'close' });
      this.#tell();
    }
    while (!this.#closed) await this.#news();
  }

  /** The other side has said something. */
  take(message: FromReader): void {
    switch (message.kind) {
      case 'opened':
        this.bytesTotal = message.bytesTotal;
        this.#opened = true;
        break;
      case 'batch':
        if (!this.#closing) this.#batches.push(message);
        break;
      case 'ended':
        this.#last ??= { failure: null, bytesRead: message.bytesRead };
        break;
      case 'failed':
        this.#last ??= { failure: errorOf(message.failure), bytesRead: message.bytesRead };
        break;
      case 'closed':
        this.#closed = true;
        break;
    }
    this.#tell();
  }

  /** There is no other side any more. */
  lose(failure: RestillError): void {
    this.#last ??= { failure, bytesRead: (this.#batches.at(-1) ?? this).bytesRead };
    this.#closed = true;
    this.#tell();
  }

  async #news(): Promise<void> {
    this.#line.waits(1);
    await new Promise<void>((resolve) => {
      this.#notify.push(resolve);
    });
    this.#line.waits(-1);
  }

  #tell(): void {
    const waiting = this.#notify;
    this.#notify = [];
    for (const resolve of waiting) resolve();
  }
}
