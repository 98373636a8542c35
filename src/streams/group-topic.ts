// Groups that the trainer has admitted, as messages for scorers: a byte that says the format, 1, then the
// group with its documents (see packMemory of journal-format.ts). The key is the query's: a query stays with
// one scorer, which then scores a document for it once.
import type { Group, SourceRecord } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { packMemory, unpackMemory } from './journal-format.ts';

const version = 1;

export interface KeyedMessage {
  readonly key: string;
  readonly value: Buffer;
}

export const groupMessage = (group: Group): KeyedMessage => ({
  key: group.queryKey,
  value: Buffer.concat([Buffer.of(version), packMemory(group)]),
});

/** @throws RestillError RECORD_MALFORMED */
export function readGroup({ topic, partition, offset, value }: SourceRecord): Group {
  const bytes = Buffer.from((value ?? '') as Uint8Array);
  if (bytes[0] === version) {
    try {
      return unpackMemory(bytes.subarray(1));
    } catch {
      // Cut off or made of something else: named below, without its content.
    }
  }
  throw new RestillError(
    'RECORD_MALFORMED',
    `${topic} has no group of format ${version} at ${partition}/${offset}; ` +
      'let trainer and scorers be of one version of restill, and give roles.groups a topic of its own',
  );
}
