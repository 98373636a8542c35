// Which generations may go. Decides only; the store removes.
import type { GenerationId } from '../contract.ts';
import { assert } from '../errors.ts';
import { generationNumber, generationsIn, placeOf } from './generation.ts';

/** Damaged generations kept for inspection. */
const damagedMax = 3;

export interface Retention {
  /** Generations besides the live and the pinned ones. */
  readonly keep: number;
  readonly live: GenerationId | null;
  readonly pinned: ReadonlySet<GenerationId>;
}

/** Oldest first. Never the newest `keep`, the live one or a pinned one. */
export function expired(names: readonly string[], { keep, live, pinned }: Retention): GenerationId[] {
  assert(Number.isSafeInteger(keep) && keep >= 1, `at least one generation must be kept, not ${keep}`);
  return generationsIn(names)
    .slice(0, -keep)
    .filter((id) => id !== live && !pinned.has(id));
}

/** Names of damaged generations that have been there longest; the newest few stay. */
export function expiredDamaged(names: readonly string[]): string[] {
  return names
    .flatMap((name) => {
      const place = placeOf(name);
      return place.kind === 'damaged' ? [{ name, number: generationNumber(place.id) }] : [];
    })
    .sort((a, b) => b.number - a.number || (a.name < b.name ? 1 : -1))
    .slice(damagedMax)
    .map(({ name }) => name);
}
