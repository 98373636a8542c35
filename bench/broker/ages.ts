// How old clicks are when they go live. Pure.
import type { Group } from '../../src/contract.ts';

export class Ages {
  /** Sequence number up to which groups have been learnt. */
  cursor = 0;
  /** Broker timestamps of clicks, by page. */
  readonly #clicks = new Map<string, number[]>();
  /** Timestamps of clicks that were learnt, and are in no live generation yet. */
  #waiting: number[] = [];
  readonly #ages: number[] = [];

  get count(): number {
    return this.#ages.length;
  }

  clicked(impressionId: string, timestampMs: number): void {
    const known = this.#clicks.get(impressionId);
    if (known === undefined) this.#clicks.set(impressionId, [timestampMs]);
    else known.push(timestampMs);
  }

  /** Groups up to the cursor were learnt; those of the holdout never are. */
  learnt(groups: readonly Group[], cursor: number): void {
    for (const { impressionId, holdout } of groups) {
      if (!holdout) this.#waiting.push(...(this.#clicks.get(impressionId) ?? []));
      this.#clicks.delete(impressionId);
    }
    this.cursor = cursor;
  }

  /** All that was learnt serves from now on. */
  live(nowMs: number): void {
    for (const timestampMs of this.#waiting) this.#ages.push(nowMs - timestampMs);
    this.#waiting = [];
  }

  /** Of all clicks that went live; NaN when none has. */
  seconds(): { readonly median: number; readonly p90: number; readonly max: number } {
    const sorted = [...this.#ages].sort((a, b) => a - b);
    const at = (share: number): number =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN) / 1000;
    return { median: at(0.5), p90: at(0.9), max: at(1) };
  }

  summary(): string {
    return `${this.count} clicks live, median age ${this.seconds().median.toFixed(1)} s`;
  }
}
