// Lists that come from another thread, as they wait on this side.
//
// Invariants:
// 1. What came before a break comes first, then the error; also where the other thread is lost.
// 2. At most `aheadMax` lists are under way or wait here.
// 3. Who waits hears of it at once when this side closes or the other thread is lost.
import type { RestillError } from '../errors.ts';

/** To the other thread. */
export interface Line {
  /** One more list may come. */
  want(): void;
  close(): void;
  /** Told before and after somebody waits for the other side. */
  waits?(by: 1 | -1): void;
}

/** So many that neither thread waits for the other one's waking up. */
const aheadMax = 3;

export class RemoteLists<List> {
  readonly #line: Line;
  #lists: List[] = [];
  /** What comes after the lists: the error, or the end. */
  #last: { readonly failure: RestillError | null } | null = null;
  #opened = false;
  #closing = false;
  #closed = false;
  #notify: (() => void)[] = [];

  constructor(line: Line) {
    this.#line = line;
  }

  /** Whether all lists there were have been taken. */
  get areOver(): boolean {
    return this.#lists.length === 0 && this.#last !== null;
  }

  /** Once, before anything else. @throws RestillError what the other side failed with */
  async open(): Promise<void> {
    for (let list = 0; list < aheadMax; list++) this.#line.want();
    while (!this.#opened && this.#last === null) await this.#news();
    if (!this.#opened) throw this.#last!.failure!;
  }

  /** One call at a time; null when there are no more. @throws RestillError as `open` */
  async next(): Promise<List | null> {
    while (this.#lists.length === 0 && this.#last === null) await this.#news();
    const next = this.#lists.shift();
    if (next !== undefined) {
      this.#line.want();
      return next;
    }
    if (this.#last!.failure !== null) throw this.#last!.failure;
    return null;
  }

  /** Resolves when the other side has closed. To whoever reads, the lists end here. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#lists = [];
      this.#last = { failure: null };
      this.#line.close();
      this.#tell();
    }
    while (!this.#closed) await this.#news();
  }

  /** The other side has opened. */
  opened(): void {
    this.#opened = true;
    this.#tell();
  }

  /** It has sent a list. */
  put(list: List): void {
    if (!this.#closing) this.#lists.push(list);
    this.#tell();
  }

  /** It has come to the end, or to an error. */
  end(failure: RestillError | null): void {
    this.#last ??= { failure };
    this.#tell();
  }

  /** It has closed. */
  closed(): void {
    this.#closed = true;
    this.#tell();
  }

  /** There is no other side any more. */
  lose(failure: RestillError): void {
    this.end(failure);
    this.closed();
  }

  async #news(): Promise<void> {
    this.#line.waits?.(1);
    await new Promise<void>((resolve) => {
      this.#notify.push(resolve);
    });
    this.#line.waits?.(-1);
  }

  #tell(): void {
    const waiting = this.#notify;
    this.#notify = [];
    for (const resolve of waiting) resolve();
  }
}
