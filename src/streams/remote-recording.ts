// A recording that another thread reads, as it looks from here. What of it waits here, and how it ends, is in
// remote-lists.ts.
import type { RestillError } from '../errors.ts';
import { unpackItems } from './columns.ts';
import type { SourceItem } from './ports.ts';
import { errorOf, type FromReader, type ToReader } from './reading.ts';
import { RemoteLists } from './remote-lists.ts';

/** To the thread that reads. */
export interface ReaderLine {
  send(message: ToReader): void;
  /** Told before and after somebody waits for the other side. */
  waits(by: 1 | -1): void;
}

type Batch = Extract<FromReader, { kind: 'batch' }>;

export class RemoteRecording {
  bytesTotal = 0;
  readonly #line: ReaderLine;
  readonly #batches: RemoteLists<Batch>;
  #delivered = 0;
  /** Where the other side has come to the end. */
  #bytesAtEnd: number | null = null;

  constructor(line: ReaderLine) {
    this.#line = line;
    this.#batches = new RemoteLists({
      want: () => line.send({ kind: 'want' }),
      close: () => line.send({ kind: 'close' }),
      waits: (by) => line.waits(by),
    });
  }

  /** Bytes of the file that were used up for what has been delivered. */
  get bytesRead(): number {
    return this.#batches.areOver ? (this.#bytesAtEnd ?? this.#delivered) : this.#delivered;
  }

  /**
   * Once, before anything else.
   * @throws RestillError INPUT_UNREADABLE, and BUG when the other thread is lost
   */
  open(path: string, bytesMax: number): Promise<void> {
    this.#line.send({ kind: 'open', path, bytesMax });
    return this.#batches.open();
  }

  /** The next items, one call at a time; null when there are no more. @throws RestillError as `open` */
  async read(): Promise<SourceItem[] | null> {
    const batch = await this.#batches.next();
    if (batch === null) return null;
    this.#delivered = batch.bytesRead;
    return unpackItems(batch.columns);
  }

  /** Resolves when the file is closed. To whoever reads, the recording ends here. */
  close(): Promise<void> {
    return this.#batches.close();
  }

  /** The other side has said something. */
  take(message: FromReader): void {
    switch (message.kind) {
      case 'opened':
        this.bytesTotal = message.bytesTotal;
        return this.#batches.opened();
      case 'batch':
        return this.#batches.put(message);
      case 'ended':
      case 'failed':
        this.#bytesAtEnd = message.bytesRead;
        return this.#batches.end(message.kind === 'failed' ? errorOf(message.failure) : null);
      case 'closed':
        return this.#batches.closed();
    }
  }

  /** There is no other side any more. */
  lose(failure: RestillError): void {
    this.#batches.lose(failure);
  }
}
