// A message as kafkajs delivers it -> a record whose place is known. Content that is UTF-8 becomes text, as
// in a recording, so that both come to the same.
import { isUtf8 } from 'node:buffer';
import type { DeadLetter, SourceRecord } from '../contract.ts';
import type { Decoded } from './decode.ts';
import type { PlacedRecord } from './ports.ts';

type HeaderValue = Uint8Array | string;

/** What is used of a message of kafkajs. */
export interface Message {
  readonly offset: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>;
}

export const messageBytes = ({ key, value }: Message): number => (key?.length ?? 0) + (value?.length ?? 0);

export class PlacedMessage implements PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** Found out beside: see decoded-source.fs.ts. */
  decoded: Decoded | undefined = undefined;
  readonly #key: Buffer | null;
  readonly #value: Buffer | null;
  /** Null where there are none, as in most. */
  readonly #headers: Message['headers'] | null;
  readonly #bytesMax: number;

  constructor(topic: string, partition: number, message: Message, bytesMax: number) {
    this.topic = topic;
    this.partition = partition;
    this.offset = Number(message.offset);
    this.timestampMs = Number(message.timestamp);
    const { key, value, headers } = message;
    this.#key = key;
    this.#value = value;
    this.#headers = headers !== undefined && hasAny(headers) ? headers : null;
    this.#bytesMax = bytesMax;
  }

  /** The value as it came; null for none, and for one that is too large. */
  get bytes(): Uint8Array | null {
    return this.#length > this.#bytesMax ? null : this.#value;
  }

  open(): SourceRecord | DeadLetter {
    const { topic, partition, offset, timestampMs } = this;
    const headers = this.#headers === null ? noHeaders : headersOf(this.#headers!);
    const record: SourceRecord = {
      ...{ topic, partition, offset, timestampMs },
      ...{ key: content(this.#key), value: content(this.#value), headers },
    };
    const bytes = this.#length;
    if (bytes <= this.#bytesMax) return record;
    return { record, reason: 'too-large', detail: `${bytes} bytes, records.bytes_max is ${this.#bytesMax}` };
  }

  get #length(): number {
    return (this.#key?.length ?? 0) + (this.#value?.length ?? 0);
  }
}

const noHeaders: SourceRecord['headers'] = [];

function hasAny(headers: object): boolean {
  for (const _ in headers) return true;
  return false;
}

/** Text, if it is any. */
export const content = (bytes: Buffer | null): string | Uint8Array | null =>
  bytes !== null && isUtf8(bytes) ? bytes.toString('utf8') : bytes;

/** A name may have several values. */
function headersOf(headers: NonNullable<Message['headers']>): SourceRecord['headers'] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? '']
      .flat()
      .map((one) => [name, typeof one === 'string' ? one : Buffer.from(one).toString('utf8')] as const),
  );
}
