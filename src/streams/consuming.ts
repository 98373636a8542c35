// What the thread that consumes a live topic and the one that ingests it say to each other, and the former's
// side: it reads the topic, decodes what it reads and hands it over, as far ahead as is wanted
// (docs/decisions/0018-consuming-thread.md).
//
// Invariants:
// 1. What is handed over is what the source yields, in its order: records, empty lists, its end, its error.
// 2. Nothing is read that is not wanted yet: what waits, waits in the source, which bounds it.
// 3. Closing ends a read that waits, and is answered when the source is closed.
import type { Timer } from '../clock.ts';
import { RestillError } from '../errors.ts';
import type { DecodedColumns, DecodedPacking } from './decoded-columns.ts';
import type { LiveNotice, LivePartition, LiveSource } from './live.ts';
import type { PlacedRecord } from './ports.ts';
import { type Failure, failureOf } from './reading.ts';

export type ToConsumer =
  /** One more list may come. */
  | { readonly kind: 'want' }
  | { readonly kind: 'acknowledge'; readonly offsets: Readonly<Record<string, number>> }
  | { readonly kind: 'take-up-again' }
  | { readonly kind: 'close' };

/** How far the source has got. */
export interface TopicStanding {
  readonly partitions: readonly LivePartition[];
  /** As `Source.progress`. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

export type FromConsumer =
  | { readonly kind: 'opened' }
  | { readonly kind: 'records'; readonly columns: DecodedColumns }
  /** Nothing more for now. */
  | { readonly kind: 'pausing' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'standing'; readonly standing: TopicStanding }
  | { readonly kind: 'notice'; readonly notice: LiveNotice }
  /** A remark of the client, for the log. */
  | { readonly kind: 'note'; readonly message: string }
  /** The last one: the source is closed. */
  | { readonly kind: 'closed' };

/** A port of node:worker_threads. */
interface Port {
  on(event: 'message', listener: (message: ToConsumer) => void): unknown;
  postMessage(message: FromConsumer): void;
}

/** What the source has to tell besides records. */
export interface Telling {
  notice(notice: LiveNotice): void;
  note(message: string): void;
}

/** The source, and all that belongs to it. */
export interface Consumer<Item = PlacedRecord> {
  readonly source: LiveSource<Item>;
  close(): Promise<void>;
}

export interface ConsumingParts {
  readonly port: Port;
  readonly packing: DecodedPacking;
  readonly timer: Timer;
  /** @throws RestillError */
  open(telling: Telling): Promise<Consumer>;
}

/** Somebody may look at the lag while nothing is read. */
const standingEveryMs = 1_000;

/** Resolves when it was told to close, and has. What is no RestillError is a mistake of ours: it rejects. */
export async function serveConsuming(parts: ConsumingParts): Promise<void> {
  await new Consuming(parts).serve();
}

class Consuming {
  readonly #parts: ConsumingParts;
  #consumer: Consumer | null = null;
  #wanted = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #notify: () => void = () => {};
  #told = '';

  constructor(parts: ConsumingParts) {
    this.#parts = parts;
    parts.port.on('message', (message) => this.#take(message));
  }

  async serve(): Promise<void> {
    try {
      this.#consumer = await this.#parts.open({
        notice: (notice) => this.#send({ kind: 'notice', notice }),
        note: (message) => this.#send({ kind: 'note', message }),
      });
      this.#send({ kind: 'opened' });
      this.#tellOftenEnough();
      await this.#deliver(this.#consumer.source);
    } catch (error) {
      if (!(error instanceof RestillError)) throw error;
      this.#send({ kind: 'failed', failure: failureOf(error) });
    }
    while (!this.#isClosing) await this.#news();
    this.#closed ??= this.#consumer?.close();
    await this.#closed;
    this.#send({ kind: 'closed' });
  }

  #take(message: ToConsumer): void {
    switch (message.kind) {
      case 'want':
        this.#wanted++;
        break;
      case 'acknowledge':
        this.#consumer?.source.acknowledge(message.offsets);
        return;
      case 'take-up-again':
        this.#consumer?.source.takeUpAgain();
        return;
      case 'close':
        this.#isClosing = true;
        this.#closed = this.#consumer?.close();
        this.#closed?.catch(() => {}); // Thrown where it is awaited.
    }
    this.#notify();
  }

  async #deliver(source: LiveSource): Promise<void> {
    for (;;) {
      while (this.#wanted === 0 && !this.#isClosing) await this.#news();
      if (this.#isClosing) return;
      const records = await source.read(0);
      this.#wanted--;
      this.#tellStanding();
      if (records === null) return this.#send({ kind: 'ended' });
      if (records.length === 0) this.#send({ kind: 'pausing' });
      else this.#send({ kind: 'records', columns: this.#parts.packing.pack(records) });
    }
  }

  #tellOftenEnough(): void {
    if (this.#isClosing) return;
    this.#tellStanding();
    this.#parts.timer.after(standingEveryMs, () => this.#tellOftenEnough());
  }

  #tellStanding(): void {
    const { source } = this.#consumer!;
    const standing = { partitions: source.partitions(), ...source.progress() };
    const text = JSON.stringify(standing);
    if (text === this.#told) return;
    this.#told = text;
    this.#send({ kind: 'standing', standing });
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#notify = resolve;
    });
  }

  #send(message: FromConsumer): void {
    this.#parts.port.postMessage(message);
  }
}
