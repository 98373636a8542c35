// What is produced in a chaos run: a clean recording, piece by piece, with poison and repetitions in between.
// Partitions that the topic does not have yet are held back until it has them.
import type { SourceRecord } from '../../../src/contract.ts';
import type { Random } from '../../../src/random.ts';

export class Feed {
  readonly #pieces: readonly (readonly SourceRecord[])[];
  readonly #random: Random;
  readonly #heldBack: SourceRecord[] = [];
  #at = 0;
  /** Values that cannot be decoded, in the order they were produced; each is unlike all others. */
  readonly poison: string[] = [];
  /** Events that were sent again. */
  repeated = 0;

  constructor(records: readonly SourceRecord[], pieces: number, random: Random) {
    this.#pieces = Array.from({ length: pieces }, (_, at) =>
      records.slice(
        Math.floor((at * records.length) / pieces),
        Math.floor(((at + 1) * records.length) / pieces),
      ),
    );
    this.#random = random;
  }

  /** The next records, each for one of the first `partitions` partitions. */
  next(partitions: number): SourceRecord[] {
    const due = [...this.#heldBack.splice(0), ...(this.#pieces[this.#at++] ?? [])];
    this.#heldBack.push(...due.filter(({ partition }) => partition >= partitions));
    return due.filter(({ partition }) => partition < partitions);
  }

  /** Whether something has not been produced yet that can be. */
  hasMore(): boolean {
    return this.#at < this.#pieces.length;
  }

  /** Among the records, after some of them: what is no event. At least one record. */
  poisoned(records: readonly SourceRecord[], count: number): SourceRecord[] {
    return this.#mixed(records, count, (record) => {
      const number = this.poison.length;
      const shapes = [`{"type":"click","number":${number}`, `[${number}]`, `${number} `.repeat(20_000)];
      const value = this.#random.sample(shapes, 1)[0]!;
      this.poison.push(value);
      return { ...record, value };
    });
  }

  /** Some events come again, later. */
  repeating(records: readonly SourceRecord[], count: number): SourceRecord[] {
    return this.#mixed(records, count, (record) => {
      this.repeated++;
      return record;
    });
  }

  /** Puts something of the same partition and time behind some of the records. */
  #mixed(
    records: readonly SourceRecord[],
    count: number,
    more: (record: SourceRecord) => SourceRecord,
  ): SourceRecord[] {
    const chosen = new Set(this.#random.sample(records, count));
    return records.flatMap((record) => (chosen.has(record) ? [record, more(record)] : [record]));
  }
}
