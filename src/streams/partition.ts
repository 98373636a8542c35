// The records of one partition that wait for their turn in the merge, in offset order.
import { RestillError } from '../errors.ts';
import type { IngestRecord } from './ports.ts';

/** Gaps in the released offsets that are remembered; compacted topics have many. */
const gapsMax = 1024;

export interface Partition {
  /** `topic/partition`. */
  readonly key: string;
  /** Records waiting. */
  readonly waiting: number;
  /** The one with the smallest offset; there must be one. */
  readonly head: IngestRecord;
  /**
   * `repeat`: it is waiting already or was released before, and is not held again.
   * `head`: it goes before all that wait.
   * @throws RestillError INPUT_UNREADABLE if records after it were released, and it was not.
   */
  hold(record: IngestRecord): 'head' | 'behind' | 'repeat';
  /** Takes out the head. */
  release(): IngestRecord;
}

export function openPartition(key: string): Partition {
  return new OffsetQueue(key);
}

class OffsetQueue implements Partition {
  readonly key: string;
  #records: IngestRecord[] = [];
  #at = 0;
  /** Offset of the first record ever released, and the one after the last. */
  #first = -1;
  #next = -1;
  /** Runs of offsets between them that were not released: [from, to). */
  readonly #gaps: [from: number, to: number][] = [];

  constructor(key: string) {
    this.key = key;
  }

  get waiting(): number {
    return this.#records.length - this.#at;
  }

  get head(): IngestRecord {
    return this.#records[this.#at]!;
  }

  hold(record: IngestRecord): 'head' | 'behind' | 'repeat' {
    const { offset } = record;
    if (offset < this.#next) {
      this.#refuseNew(offset);
      return 'repeat';
    }
    const records = this.#records;
    let place = records.length;
    while (place > this.#at && records[place - 1]!.offset > offset) place--;
    if (place > this.#at && records[place - 1]!.offset === offset) return 'repeat';
    if (place === records.length) records.push(record);
    else records.splice(place, 0, record);
    return place === this.#at ? 'head' : 'behind';
  }

  release(): IngestRecord {
    const record = this.#records[this.#at++]!;
    if (this.#first < 0) this.#first = record.offset;
    else if (record.offset > this.#next) {
      this.#gaps.push([this.#next, record.offset]);
      if (this.#gaps.length > gapsMax) this.#gaps.shift();
    }
    this.#next = record.offset + 1;
    if (this.#at > 1024 && this.#at * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#at);
      this.#at = 0;
    }
    return record;
  }

  /** An offset below the next one was released before, unless it lies in a gap. */
  #refuseNew(offset: number): void {
    const released = offset >= this.#first && !this.#gaps.some(([from, to]) => offset >= from && offset < to);
    if (released) return;
    throw new RestillError(
      'INPUT_UNREADABLE',
      `offset ${offset} of ${this.key} comes after offset ${this.#next - 1}, too late to be ` +
        'put in its place; raise records.lookahead and lookahead_max, or repair the order of the recording',
    );
  }
}
