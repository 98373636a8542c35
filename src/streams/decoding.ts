// What the thread that decodes and the one that ingests say to each other, and the former's side. A piece is
// some records' values in a buffer that both share; the answer is what they say (event-columns.ts). Answers
// come in the order of the pieces.

import type { Config } from '../config.ts';
import type { SourceRecord } from '../contract.ts';
import { openDecoder } from './decode.ts';
import { type EventColumns, EventPacking, type Said, saidOf } from './event-columns.ts';
import { content } from './message.ts';

/** What must be known to decode. */
export interface DecodingSettings extends Pick<Config, 'events' | 'topics' | 'records'> {
  /** Of both threads, used again and again: memory that is allocated for each piece costs collections. */
  readonly buffers: readonly SharedArrayBuffer[];
}

/** What is sent: which of the shared buffers holds the values, one after the other, and where each ends. */
export interface Piece {
  readonly topic: string;
  readonly buffer: number;
  readonly ends: Uint32Array;
}

/** Writes values into a buffer, which must be large enough. @returns where each ends */
export function writePiece(buffer: Uint8Array, values: readonly Uint8Array[]): Uint32Array {
  const ends = new Uint32Array(values.length);
  let length = 0;
  for (let index = 0; index < values.length; index++) {
    buffer.set(values[index]!, length);
    length += values[index]!.length;
    ends[index] = length;
  }
  return ends;
}

/** A port of node:worker_threads. */
interface Port {
  on(event: 'message', listener: (piece: Piece) => void): unknown;
  postMessage(value: EventColumns): void;
}

export function serveDecoding(port: Port, { buffers, ...settings }: DecodingSettings): void {
  const decode = openDecoder(settings);
  const packing = new EventPacking(settings.records.documentsShared);
  const views = buffers.map((buffer) => Buffer.from(buffer));
  // One by one, so that what was decoded is packed and forgotten before the next record.
  function* saidIn({ topic, buffer, ends }: Piece): Generator<Said> {
    const view = views[buffer]!;
    let from = 0;
    for (const end of ends) {
      yield saidOf(decode({ ...unplaced, topic, value: content(view.subarray(from, end)) }));
      from = end;
    }
  }
  port.on('message', (piece) => port.postMessage(packing.pack(saidIn(piece))));
}

/** Where a record stands and who sent it says nothing about what it says. */
const unplaced: Omit<SourceRecord, 'topic' | 'value'> = {
  ...{ partition: 0, offset: 0, timestampMs: 0, key: null, headers: [] },
};
