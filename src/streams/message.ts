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
  /** Of all keys and values. */
  readonly bytes: number;
  readonly #offsets: Float64Array;
  readonly #timestampsMs: Float64Array;
  /** Keys and values in one piece: the response that they came in, where they have come in one. */
  readonly #memory: Buffer;
  /** [messages, 4]: of the key, then of the value, where it begins, and its length or `none`. */
  readonly #spans: Int32Array;
  /** Null where no message has any, as in most topics. */
  readonly #headers: readonly (Headers | undefined)[] | null;

  constructor(topic: string, partition: number, messages: readonly Message[], bytesMax: number) {
    this.topic = topic;
    this.partition = partition;
    this.length = messages.length;
    this.bytesMax = bytesMax;
    this.#offsets = new Float64Array(messages.length);
    this.#timestampsMs = new Float64Array(messages.length);
    this.#spans = new Int32Array(4 * messages.length);
    const contents = messages.flatMap(({ key, value }) => [key, value]);
    const response = responseOf(contents);
    this.#memory = response ?? Buffer.concat(contents.filter((one) => one !== null));
    let bytes = 0;
    for (let index = 0; index < contents.length; index++) {
      const one = contents[index]!;
      this.#spans[2 * index] = response === null ? bytes : (one?.byteOffset ?? 0);
      this.#spans[2 * index + 1] = one?.length ?? none;
      bytes += one?.length ?? 0;
    }
    this.bytes = bytes;
    let hasHeaders = false;
    for (let index = 0; index < messages.length; index++) {
      const { offset, timestamp, headers } = messages[index]!;
      this.#offsets[index] = Number(offset);
      this.#timestampsMs[index] = Number(timestamp);
      hasHeaders ||= headers !== undefined && hasAny(headers);
    }
    this.#headers = hasHeaders ? messages.map((message) => message.headers) : null;
  }

  at(index: number): PlacedMessage | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return new PlacedMessage(this, index, this.#offsets[index]!, this.#timestampsMs[index]!);
  }

  key(index: number): Buffer | null {
    return this.#bytesAt(4 * index);
  }

  value(index: number): Buffer | null {
    return this.#bytesAt(4 * index + 2);
  }

  /** Bytes of its key and its value. */
  lengthOf(index: number): number {
    return Math.max(0, this.#spans[4 * index + 1]!) + Math.max(0, this.#spans[4 * index + 3]!);
  }

  headers(index: number): SourceRecord['headers'] {
    const headers = this.#headers?.[index];
    return headers === undefined ? noHeaders : headersOf(headers);
  }

  #bytesAt(at: number): Buffer | null {
    const [start, length] = [this.#spans[at]!, this.#spans[at + 1]!];
    return length === none ? null : this.#memory.subarray(start, start + length);
  }
}

/** One of a batch. What it holds is made of the batch's memory each time it is asked for. */
export class PlacedMessage implements PlacedRecord, SourceRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly #batch: FetchedMessages;
  readonly #index: number;

  constructor(batch: FetchedMessages, index: number, offset: number, timestampMs: number) {
    this.topic = batch.topic;
    this.partition = batch.partition;
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#batch = batch;
    this.#index = index;
  }

  get key(): SourceRecord['key'] {
    return content(this.#batch.key(this.#index));
  }

  get value(): SourceRecord['value'] {
    return content(this.#batch.value(this.#index));
  }

  get headers(): SourceRecord['headers'] {
    return this.#batch.headers(this.#index);
  }

  open(): SourceRecord | DeadLetter {
    const { bytesMax } = this.#batch;
    const length = this.#batch.lengthOf(this.#index);
    if (length <= bytesMax) return this;
    const detail = `${length} bytes, records.bytes_max is ${bytesMax}`;
    return { record: this, reason: 'too-large', detail };
  }

  checksum(): number {
    return contentChecksum(this.#batch.key(this.#index), this.#batch.value(this.#index));
  }
}

/** The memory that all of them lie in; null if there is no such. */
function responseOf(contents: readonly (Buffer | null)[]): Buffer | null {
  let memory: ArrayBufferLike | null = null;
  for (const one of contents) {
    memory ??= one?.buffer ?? null;
    if (one !== null && one.buffer !== memory) return null;
  }
  return memory === null ? null : Buffer.from(memory);
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
