// The reading thread's side: opens recordings and sends what is in them, batch by batch, as far ahead as is
// wanted. It waits for nothing but the file and that.
import { RestillError } from '../errors.ts';
import { Packing } from './columns.ts';
import { type About, type FromReader, failureOf, type ToReader } from './reading.ts';
import { openRecording, type Recording } from './recording.fs.ts';

/** A port of node:worker_threads. */
interface Port {
  on(event: 'message', listener: (value: About<ToReader>) => void): unknown;
  postMessage(value: About<FromReader>): void;
}

/** Content of one batch: some hundred records, or one that is longer. Each batch wakes both threads. */
const unitsMax = 1 << 20;

export function serveRecordings(port: Port): void {
  const readings = new Map<number, Reading>();
  port.on('message', ({ recording: number, message }) => {
    if (message.kind === 'want') readings.get(number)?.want();
    else if (message.kind === 'close') readings.get(number)?.close();
    else {
      const reading = new Reading(number, port);
      readings.set(number, reading);
      // What is no RestillError is a mistake of ours: the thread ends by it.
      void reading.serve(message).finally(() => readings.delete(number));
    }
  });
}

class Reading {
  readonly #number: number;
  readonly #port: Port;
  #recording: Recording | null = null;
  #packing = new Packing(unitsMax);
  #wanted = 0;
  #closed = false;
  #notify: (() => void) | null = null;

  constructor(number: number, port: Port) {
    this.#number = number;
    this.#port = port;
  }

  want(): void {
    this.#wanted++;
    this.#notify?.();
  }

  close(): void {
    this.#closed = true;
    this.#recording?.stop();
    this.#notify?.();
  }

  async serve({ path, bytesMax }: { readonly path: string; readonly bytesMax: number }): Promise<void> {
    try {
      this.#recording = await openRecording(path, bytesMax);
      this.#send({ kind: 'opened', bytesTotal: this.#recording.bytesTotal });
      await this.#deliver(this.#recording);
    } catch (error) {
      if (!(error instanceof RestillError)) throw error;
      const bytesRead = this.#recording?.bytesRead ?? 0;
      this.#send({ kind: 'failed', failure: failureOf(error), bytesRead });
    }
    while (!this.#closed) await this.#news();
    await this.#recording?.close();
    this.#send({ kind: 'closed' });
  }

  async #deliver(recording: Recording): Promise<void> {
    try {
      for (let items = await recording.read(); items !== null; items = await recording.read())
        for (const item of items) {
          if (this.#packing.add(item)) continue;
          await this.#sendBatch(recording);
          if (this.#closed) return;
          this.#packing.add(item);
        }
    } finally {
      // What came before a break comes before the error, too.
      if (!this.#packing.isEmpty) await this.#sendBatch(recording);
    }
    this.#send({ kind: 'ended', bytesRead: recording.bytesRead });
  }

  /** As soon as it is wanted. */
  async #sendBatch({ bytesRead }: Recording): Promise<void> {
    while (this.#wanted === 0 && !this.#closed) await this.#news();
    if (!this.#closed) this.#send({ kind: 'batch', columns: this.#packing.columns(), bytesRead });
    this.#wanted--;
    this.#packing = new Packing(unitsMax);
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#notify = resolve;
    });
  }

  #send(message: FromReader): void {
    this.#port.postMessage({ recording: this.#number, message });
  }
}
