// Batches for tests of the journal: what they hold follows from numbers, so that it can be said what must be
// there.
import type { Group } from '../../src/contract.ts';
import { noCounts } from '../../src/streams/counts.ts';
import type { Effects } from '../../src/streams/ports.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { groupOf } from './groups.ts';

export function effectsOf(offset: number, changes: readonly StateEntry[] = []): Effects {
  return {
    changes,
    counts: { ...noCounts(), records: offset },
    offsets: { 'clicks/0': offset },
    fingerprints: { 'clicks/0': `${offset - 1}:0:00000000` },
    topic: 'clicks',
    unplaced: 0,
    deadLetterBytes: 0,
    ended: false,
  };
}

export const groupsFrom = (from: number, to: number): Group[] =>
  Array.from({ length: to - from }, (_, i) => groupOf(from + i, { query: `Grüße ${from + i} 👟` }));

export const entry = (table: StateEntry['table'], slot: number, value: string | null): StateEntry => ({
  table,
  slot,
  value: value === null ? null : Buffer.from(value),
});
