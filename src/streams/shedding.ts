// Which groups are not kept while the ring is nearly full (promise 5).
//
// Invariants:
// 1. Which groups are kept while others are shed is a function of the group alone, of its impression's id and
//    the seed: not of when it came, nor of the daemon. A larger share keeps a superset.
// 2. Whether groups are shed changes at drains only, and is part of what a drain leaves: killed and opened
//    again, the same records make the same groups. Groups of a batch may have been written ahead of its
//    drain; until all of those have been made again, it stays as it was.
// 3. Between journal.shed_above of the ring and half of that it stays as it is: it does not flutter.
import type { Config } from '../config.ts';
import { hashUnit } from '../hash.ts';
import type { StateEntry } from './state.ts';

/** Sequence numbers: the ring holds [low, high). */
export interface Ring {
  readonly low: number;
  readonly high: number;
}

/** In the table `counts`, beside the totals. */
const slot = 1;

export class Shedding {
  readonly #config: Config;
  #isOn: boolean;
  #changed = false;

  constructor(config: Config, saved: readonly StateEntry[]) {
    const value = saved.find((entry) => entry.table === 'counts' && entry.slot === slot)?.value;
    this.#config = config;
    this.#isOn = value != null && value[0] === 1;
  }

  keeps(impressionId: string): boolean {
    const { seed, journal } = this.#config;
    return !this.#isOn || hashUnit(`shed ${impressionId}`, seed) < journal.shedKeep;
  }

  /** @param nextSequence of the next group to be made. */
  look({ low, high }: Ring, nextSequence: number): void {
    const { whenFull, shedAbove, ringMax } = this.#config.journal;
    if (nextSequence < high) return;
    const fill = (nextSequence - low) / ringMax;
    const isOn = whenFull === 'shed' && fill >= (this.#isOn ? shedAbove / 2 : shedAbove);
    this.#changed ||= isOn !== this.#isOn;
    this.#isOn = isOn;
  }

  drain(changes: StateEntry[]): void {
    if (this.#changed) changes.push({ table: 'counts', slot, value: Uint8Array.of(this.#isOn ? 1 : 0) });
    this.#changed = false;
  }
}
