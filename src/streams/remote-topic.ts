// A live topic that another thread consumes, as it looks from here. What of it waits here, and how it ends,
// is in remote-lists.ts.

import type { RestillError } from '../errors.ts';
import type { FromConsumer, Telling, ToConsumer, TopicStanding } from './consuming.ts';
import { DecodedUnpacking } from './decoded-columns.ts';
import type { LivePartition, LiveSource } from './live.ts';
import type { DecodedRecord } from './ports.ts';
import { errorOf } from './reading.ts';
import { RemoteLists } from './remote-lists.ts';

type List = Extract<FromConsumer, { kind: 'records' | 'pausing' }>;

export class RemoteTopic implements LiveSource<DecodedRecord> {
  readonly kind = 'live';
  readonly inputs = 1;
  readonly #send: (message: ToConsumer) => void;
  readonly #telling: Telling;
  readonly #lists: RemoteLists<List>;
  readonly #unpacking = new DecodedUnpacking();
  #standing: TopicStanding = { partitions: [], bytesRead: 0, bytesTotal: 0 };

  /** @param send to the thread that consumes. */
  constructor(send: (message: ToConsumer) => void, telling: Telling) {
    this.#send = send;
    this.#telling = telling;
    this.#lists = new RemoteLists({
      want: () => send({ kind: 'want' }),
      close: () => send({ kind: 'close' }),
    });
  }

  /** Once, before anything else. @throws RestillError KAFKA_* and the like, BUG when the thread is lost */
  open(): Promise<void> {
    return this.#lists.open();
  }

  async read(): Promise<DecodedRecord[] | null> {
    const list = await this.#lists.next();
    if (list === null) return null;
    return list.kind === 'pausing' ? [] : this.#unpacking.unpack(list.columns);
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
  close(): Promise<void> {
    return this.#lists.close();
  }

  /** The other side has said something. */
  take(message: FromConsumer): void {
    switch (message.kind) {
      case 'opened':
        return this.#lists.opened();
      case 'records':
      case 'pausing':
        return this.#lists.put(message);
      case 'ended':
        return this.#lists.end(null);
      case 'failed':
        return this.#lists.end(errorOf(message.failure));
      case 'closed':
        return this.#lists.closed();
      case 'standing':
        this.#standing = message.standing;
        return;
      case 'notice':
        return this.#telling.notice(message.notice);
      case 'note':
        return this.#telling.note(message.message);
    }
  }

  /** There is no other side any more. */
  lose(failure: RestillError): void {
    this.#lists.lose(failure);
  }
}
