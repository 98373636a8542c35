// The thread that reads recordings, as the one sees it that ingests them. It keeps the process alive while
// somebody waits for it, and no longer.
import type { Worker } from 'node:worker_threads';
import { RestillError } from '../errors.ts';
import type { About, FromReader, ToReader } from './reading.ts';
import { RemoteRecording } from './remote-recording.ts';

export class ReadingThread {
  readonly #worker: Worker;
  readonly #recordings = new Map<number, RemoteRecording>();
  #count = 0;
  #waiting = 0;
  #death: RestillError | null = null;

  /** @param worker one that serves recordings (reading-thread.fs.ts) */
  constructor(worker: Worker) {
    this.#worker = worker;
    worker.unref();
    worker.on('message', ({ recording, message }: About<FromReader>) => {
      this.#recordings.get(recording)?.take(message);
      if (message.kind === 'closed') this.#recordings.delete(recording);
    });
    worker.on('error', (cause) => this.#die(cause));
    worker.on('messageerror', (cause) => this.#die(cause));
    worker.on('exit', (code) => this.#die(new Error(`it left with code ${code}`)));
  }

  get isDead(): boolean {
    return this.#death !== null;
  }

  /** @throws RestillError INPUT_UNREADABLE, and BUG when the thread dies */
  async open(path: string, bytesMax: number): Promise<RemoteRecording> {
    const number = this.#count++;
    const recording = new RemoteRecording({
      send: (message) => this.#worker.postMessage({ recording: number, message } satisfies About<ToReader>),
      waits: (by) => this.#countWaiting(by),
    });
    this.#recordings.set(number, recording);
    if (this.#death !== null) recording.lose(this.#death);
    try {
      await recording.open(path, bytesMax);
      return recording;
    } catch (error) {
      await recording.close();
      throw error;
    }
  }

  #countWaiting(by: 1 | -1): void {
    this.#waiting += by;
    if (this.#waiting === 0) this.#worker.unref();
    else if (this.#waiting === by) this.#worker.ref();
  }

  #die(cause: Error): void {
    this.#death ??= new RestillError(
      'BUG',
      `the thread that reads recordings died: ${cause.message}; what came before was taken; repeat the ` +
        'command, which goes on from there, and report it if it happens again',
      { cause },
    );
    for (const recording of this.#recordings.values()) recording.lose(this.#death);
    this.#recordings.clear();
  }
}
