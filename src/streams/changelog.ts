// The state of a partition's builder as messages of a compacted topic: the newest of a key counts. Format 1:
//   key "<table>/<slot>"  value what the intake gave, or nothing: the slot is free
//   key "place"           value [1, next offset, fingerprint of the record before, settings], JSON
import type { SourceRecord } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { Built } from './building.ts';
import type { StateEntry, TableName } from './state.ts';

const version = 1;
const placeKey = 'place';

export interface StateMessage {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Where the next builder goes on, and with what. */
export interface Restored {
  readonly next: number;
  readonly fingerprint: string;
  /** Of the builder that left it (settingsOf). */
  readonly settings: string;
  readonly entries: readonly StateEntry[];
}

export function stateMessages({ changes, next, fingerprint, settings }: Built): StateMessage[] {
  const place = Buffer.from(JSON.stringify([version, next, fingerprint, settings]));
  return [
    ...changes.map(({ table, slot, value }) => ({
      key: `${table}/${slot}`,
      value: value && Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    })),
    { key: placeKey, value: place },
  ];
}

/** What the messages of one partition, in their order, come to. */
export class StateReader {
  readonly #slots = new Map<string, StateEntry>();
  #place: Omit<Restored, 'entries'> | null = null;

  /** @throws RestillError JOURNAL_FOREIGN for what no builder of this version wrote */
  take(record: Pick<SourceRecord, 'key' | 'value' | 'topic' | 'partition' | 'offset'>): void {
    const { key, value } = record;
    const bytes = value === null ? null : Buffer.from(value as Uint8Array);
    if (key === placeKey && bytes !== null) {
      this.#place = placeOf(bytes, record);
      return;
    }
    const [, table, slot] = /^(\w+)\/(\d+)$/.exec(typeof key === 'string' ? key : '') ?? [];
    if (table === undefined) throw foreign(record, 'a key that no builder writes');
    if (bytes === null) this.#slots.delete(key as string);
    else this.#slots.set(key as string, { table: table as TableName, slot: Number(slot), value: bytes });
  }

  /** Null where no builder has been. */
  restored(): Restored | null {
    return this.#place && { ...this.#place, entries: [...this.#slots.values()] };
  }
}

type Where = Pick<SourceRecord, 'topic' | 'partition' | 'offset'>;

function placeOf(bytes: Buffer, where: Where): Omit<Restored, 'entries'> {
  const fields = JSON.parse(bytes.toString('utf8')) as [number, number, string, string];
  const [format, next, fingerprint, settings] = fields;
  if (format !== version) throw foreign(where, `format ${format}, expected ${version}`);
  return { next, fingerprint, settings };
}

const foreign = ({ topic, partition, offset }: Where, what: string): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `the state of builders in ${topic} has ${what} at ${partition}/${offset}; let all builders be of one ` +
      'version of restill, and give roles.state a topic of its own',
  );
