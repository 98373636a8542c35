// Messages as kafkajs delivers them -> records whose place is known. Content that is UTF-8 becomes text, as
// in a recording, so that both come to the same.
//
// Thousands of messages wait to be taken, and each is seven objects of kafkajs, which the garbage collector
// would look at again and again. So what waits is in columns, and a record is made when its turn comes.
import { isUtf8 } from 'node:buffer';
import type { DeadLetter, SourceRecord } from '../contract.ts';
import { contentChecksum } from './checksum.ts';
import type { PlacedRecord, Records } from './ports.ts';

type HeaderValue = Uint8Array | string;
type Headers = Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>;

/** What is used of a message of kafkajs. */
export interface Message {
  readonly offset: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Headers;
}

/** Messages of one partition, in offset order. */
export class FetchedMessages implements Records {
  readonly topic: string;
  readonly partition: number;
  readonly length: number;
  /** See `records.bytes_max`. */
  readonly bytesMax: number;
  readonly #offsets: Float64Array;
  readonly #timestampsMs: Float64Array;
  readonly #contents: Contents;
  /** Null where no message has any, as in most topics. */
  readonly #headers: readonly (Headers | undefined)[] | null;

  constructor(topic: string, partition: number, messages: readonly Message[], bytesMax: number) {
    this.topic = topic;
    this.partition = partition;
    this.length = messages.length;
    this.bytesMax = bytesMax;
    this.#offsets = Float64Array.from(messages, ({ offset }) => Number(offset));
    this.#timestampsMs = Float64Array.from(messages, ({ timestamp }) => Number(timestamp));
    this.#contents = new Contents(messages.flatMap(({ key, value }) => [key, value]));
    const headers = messages.map((message) => message.headers);
    this.#headers = headers.some((of) => of !== undefined && hasAny(of)) ? headers : null;
  }

  /** Of all keys and values. */
  get bytes(): number {
    return this.#contents.bytes;
  }

  at(index: number): PlacedMessage | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return new PlacedMessage(this, index, this.#offsets[index]!, this.#timestampsMs[index]!);
  }

  key(index: number): Buffer | null {
    return this.#contents.at(2 * index);
  }

  value(index: number): Buffer | null {
    return this.#contents.at(2 * index + 1);
  }

  headers(index: number): SourceRecord['headers'] {
    const headers = this.#headers?.[index];
    return headers === undefined ? noHeaders : headersOf(headers);
  }
}

/** One of a batch. */
export class PlacedMessage implements PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly #batch: FetchedMessages;
  readonly #index: number;
  readonly #key: Buffer | null;
  readonly #value: Buffer | null;

  constructor(batch: FetchedMessages, index: number, offset: number, timestampMs: number) {
    this.topic = batch.topic;
    this.partition = batch.partition;
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#batch = batch;
    this.#index = index;
    this.#key = batch.key(index);
    this.#value = batch.value(index);
  }

  open(): SourceRecord | DeadLetter {
    const { topic, partition, offset, timestampMs } = this;
    const [key, value] = [this.#key, this.#value];
    const headers = this.#batch.headers(this.#index);
    const record = {
      topic,
      partition,
      offset,
      timestampMs,
      key: content(key),
      value: content(value),
      headers,
    };
    const { bytesMax } = this.#batch;
    const length = (key?.length ?? 0) + (value?.length ?? 0);
    if (length <= bytesMax) return record;
    return { record, reason: 'too-large', detail: `${length} bytes, records.bytes_max is ${bytesMax}` };
  }

  checksum(): number {
    return contentChecksum(this.#key, this.#value);
  }
}

/** Keys and values in one piece of memory: the response that they came in, where they have come in one. */
class Contents {
  readonly bytes: number;
  readonly #memory: Buffer;
  /** Of each where it begins, and its length or `none`. */
  readonly #spans: Int32Array;

  constructor(contents: readonly (Buffer | null)[]) {
    const given = contents.filter((one) => one !== null);
    const response = given[0]?.buffer ?? new ArrayBuffer(0);
    const cameInOne = given.every(({ buffer }) => buffer === response);
    this.#memory = cameInOne ? Buffer.from(response) : Buffer.concat(given);
    this.#spans = new Int32Array(2 * contents.length);
    let bytes = 0;
    for (const [index, one] of contents.entries()) {
      this.#spans[2 * index] = cameInOne ? (one?.byteOffset ?? 0) : bytes;
      this.#spans[2 * index + 1] = one?.length ?? none;
      bytes += one?.length ?? 0;
    }
    this.bytes = bytes;
  }

  at(index: number): Buffer | null {
    const [start, length] = [this.#spans[2 * index]!, this.#spans[2 * index + 1]!];
    return length === none ? null : this.#memory.subarray(start, start + length);
  }
}

const none = -1;

const noHeaders: SourceRecord['headers'] = [];

function hasAny(headers: object): boolean {
  for (const _ in headers) return true;
  return false;
}

/** Text, if it is any. */
export const content = (bytes: Buffer | null): string | Uint8Array | null =>
  bytes !== null && isUtf8(bytes) ? bytes.toString('utf8') : bytes;

/** A name may have several values. */
function headersOf(headers: Headers): SourceRecord['headers'] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? '']
      .flat()
      .map((one) => [name, typeof one === 'string' ? one : Buffer.from(one).toString('utf8')] as const),
  );
}
