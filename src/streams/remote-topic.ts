// A live topic that another thread consumes, as it looks from here.
//
// Invariants:
// 1. What was read before a break comes first, then the error; also where the other thread is lost.
// 2. At most `aheadMax` lists are under way or wait here.
// 3. Who waits hears of it at once when the topic is closed or the other thread is lost.
import type { RestillError } from '../errors.ts';
import type { FromConsumer, Telling, ToConsumer, TopicStanding } from './consuming.ts';
import { type DecodedColumns, DecodedUnpacking } from './decoded-columns.ts';
import type { LivePartition, LiveSource } from './live.ts';
import type { DecodedRecord } from './ports.ts';
import { errorOf } from './reading.ts';

/** So many that neither thread waits for the other one's waking up. */
const aheadMax = 3;

export class RemoteTopic implements LiveSource<DecodedRecord> {
  readonly kind = 'live';
  readonly inputs = 1;
  readonly #send: (message: ToConsumer) => void;
  readonly #telling: Telling;
  readonly #unpacking = new DecodedUnpacking();
  /** Null: nothing more for now. */
  #lists: (DecodedColumns | null)[] = [];
  /** What comes after the lists: the error, or the end. */
  #last: { readonly failure: RestillError | null } | null = null;
  #standing: TopicStanding = { partitions: [], bytesRead: 0, bytesTotal: 0 };
  #opened = false;
  #closing = false;
  #closed = false;
  #notify: (() => void)[] = [];

  /** @param send to the thread that consumes. */
  constructor(send: (message: ToConsumer) => void, telling: Telling) {
    this.#send = send;
    this.#telling = telling;
  }

  /** Once, before anything else. @throws RestillError KAFKA_* and the like, BUG when the thread is lost */
  async open(): Promise<void> {
    for (let list = 0; list < aheadMax; list++) this.#send({ kind: 'want' });
    while (!this.#opened && this.#last === null) await this.#news();
    if (!this.#opened) throw this.#last!.failure!;
  }

  async read(): Promise<DecodedRecord[] | null> {
    while (this.#lists.length === 0 && this.#last === null) await this.#news();
    const next = this.#lists.shift();
    if (next === undefined) {
      if (this.#last!.failure !== null) throw this.#last!.failure;
      return null;
    }
    this.#send({ kind: 'want' });
    return next === null ? [] : this.#unpacking.unpack(next);
  }

  progress(): { bytesRead: number; bytesTotal: number } {
    const { bytesRead, bytesTotal } = this.#standing;
    return { bytesRead, bytesTotal };
  }

  partitions(): readonly LivePartition[] {
    return this.#standing.partitions;
  }

  acknowledge(offsets: Readonly<Record<string, number>>): void {
    this.#send({ kind: 'acknowledge', offsets });
  }

  takeUpAgain(): void {
    this.#send({ kind: 'take-up-again' });
  }

  /** Resolves when the topic is closed. To whoever reads, it ends here. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#lists = [];
      this.#last = { failure: null };
      this.#send({ kind: 'close' });
      this.#tell();
    }
    while (!this.#closed) await this.#news();
  }

  /** The other side has said something. */
  take(message: FromConsumer): void {
    switch (message.kind) {
      case 'opened':
        this.#opened = true;
        break;
      case 'records':
        if (!this.#closing) this.#lists.push(message.columns);
        break;
      case 'pausing':
        if (!this.#closing) this.#lists.push(null);
        break;
      case 'ended':
        this.#last ??= { failure: null };
        break;
      case 'failed':
        this.#last ??= { failure: errorOf(message.failure) };
        break;
      case 'closed':
        this.#closed = true;
        break;
      case 'standing':
        this.#standing = message.standing;
        return;
      case 'notice':
        return this.#telling.notice(message.notice);
      case 'note':
        return this.#telling.note(message.message);
    }
    this.#tell();
  }

  /** There is no other side any more. */
  lose(failure: RestillError): void {
    this.#last ??= { failure };
    this.#closed = true;
    this.#tell();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#notify.push(resolve);
    });
  }

  #tell(): void {
    const waiting = this.#notify;
    this.#notify = [];
    for (const resolve of waiting) resolve();
  }
}
