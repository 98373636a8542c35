// Records that were decoded where they were read, in columns, as they are handed over to the thread that
// ingests. What they say is in event-columns.ts; here is where they stood.
//
// Invariant: what is unpacked, after a structured clone, batch by batch in order, is what was packed; of the
// checksums, that of the last record of each partition in a batch.
import { assert } from '../errors.ts';
import { withOwnBytes } from './columns.ts';
import type { Decoded, Decoder } from './decode.ts';
import { isLetter } from './envelope.ts';
import { type EventColumns, EventPacking, EventUnpacking } from './event-columns.ts';
import type { DecodedRecord, PlacedRecord } from './ports.ts';

export interface DecodedColumns {
  readonly topics: readonly string[];
  /** [records, 5]: index into `topics`, partition, offset, timestamp; checksum, or NaN: see DecodedRecord. */
  readonly places: Float64Array;
  readonly said: EventColumns;
}

/** Numbers of a record in `places`. */
const width = 5;

/** The side that reads. */
export class DecodedPacking {
  readonly #decode: Decoder;
  readonly #events: EventPacking;

  /** @param documentsMax how many documents' texts are remembered as handed over. */
  constructor(decode: Decoder, documentsMax: number) {
    this.#decode = decode;
    this.#events = new EventPacking(documentsMax);
  }

  pack(records: readonly PlacedRecord[]): DecodedColumns {
    const topics: string[] = [];
    const places = new Float64Array(records.length * width);
    const said = this.#events.pack(this.#decoded(records, topics, places));
    sumUp(records, { topics, places });
    return { topics, places, said };
  }

  /** One by one, so that what was decoded is packed and forgotten before the next record. */
  *#decoded(records: readonly PlacedRecord[], topics: string[], places: Float64Array): Generator<Decoded> {
    for (const [index, record] of records.entries()) {
      const { topic, partition, offset, timestampMs } = record;
      let at = topics.indexOf(topic);
      if (at < 0) at = topics.push(topic) - 1;
      const to = index * width;
      places[to] = at;
      places[to + 1] = partition;
      places[to + 2] = offset;
      places[to + 3] = timestampMs;
      const opened = record.open();
      const decoded = isLetter(opened) ? opened : this.#decode(opened);
      yield decoded !== null && isLetter(decoded) ? withOwnBytes(decoded) : decoded;
    }
  }
}

/** Sums up the last record of each partition, of which a fingerprint is made. The others would cost time. */
function sumUp(records: readonly PlacedRecord[], { topics, places }: Omit<DecodedColumns, 'said'>): void {
  const seen = new Set<number>();
  for (let index = records.length - 1; index >= 0; index--) {
    const at = index * width;
    const partition = places[at + 1]! * topics.length + places[at]!;
    places[at + 4] = seen.has(partition) ? Number.NaN : records[index]!.checksum();
    seen.add(partition);
  }
}

/** The side that ingests. */
export class DecodedUnpacking {
  readonly #events = new EventUnpacking();

  /** Batches must come in the order in which they were packed. */
  unpack({ topics, places, said }: DecodedColumns): DecodedRecord[] {
    return this.#events
      .unpack(said)
      .map((decoded, index) => new UnpackedRecord(topics, places, index * width, decoded));
  }
}

class UnpackedRecord implements DecodedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly decoded: Decoded;
  readonly #checksum: number;

  constructor(topics: readonly string[], places: Float64Array, at: number, decoded: Decoded) {
    this.topic = topics[places[at]!]!;
    this.partition = places[at + 1]!;
    this.offset = places[at + 2]!;
    this.timestampMs = places[at + 3]!;
    this.#checksum = places[at + 4]!;
    this.decoded = decoded;
  }

  checksum(): number {
    assert(!Number.isNaN(this.#checksum), 'only the last record of a partition in a list has a checksum');
    return this.#checksum;
  }
}
