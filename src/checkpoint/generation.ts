// Names in the store's directory. A name orders generations and reserves numbers; what a generation *is*
// stands in its manifest, and a manifest that disagrees with its directory's name is damage.
import { z } from 'zod';
import type { GenerationId } from '../contract.ts';
import { assert } from '../errors.ts';

/** What the store keeps beside the generations. */
export const currentName = 'current.json';
export const pinnedName = 'pinned';

/** What stands at a name in the store's directory. Hidden names are unfinished or out of use. */
export type Place =
  | { readonly kind: 'generation'; readonly id: GenerationId }
  /** Being written by `publish`; after a crash it is rubbish. */
  | { readonly kind: 'staging'; readonly id: GenerationId }
  /** Being deleted by `retain`; after a crash the deletion goes on. */
  | { readonly kind: 'removing'; readonly id: GenerationId }
  /** Failed its checks; kept for whoever wants to know why. */
  | { readonly kind: 'damaged'; readonly id: GenerationId }
  | { readonly kind: 'other' };

/** `g000001` for 1. Numbers above 999999 take more digits. */
export function generationId(number: number): GenerationId {
  assert(Number.isSafeInteger(number) && number >= 1, `a generation number counts from 1, not ${number}`);
  return `g${String(number).padStart(6, '0')}` as GenerationId;
}

export const generationNumber = (id: GenerationId): number => Number(id.slice(1));

/** Null for anything that `generationId` does not write, `g7` and `g0000001` included. */
export function parseGenerationId(text: string): GenerationId | null {
  if (!/^g\d{6,15}$/.test(text)) return null;
  const number = Number(text.slice(1));
  return number >= 1 && generationId(number) === text ? generationId(number) : null;
}

/** For files that name generations. */
export const generationIdSchema = z.string().transform((text, context): GenerationId => {
  const id = parseGenerationId(text);
  if (id) return id;
  context.addIssue({ code: 'custom', message: `"${text}" is not a generation id such as g000001` });
  return z.NEVER;
});

export function placeOf(name: string): Place {
  const match = /^(?:\.(staging|removing|damaged)-)?(g\d+)(?:\.\d+)?$/.exec(name);
  const id = match && parseGenerationId(match[2]!);
  if (!id) return { kind: 'other' };
  const hidden = match[1] as 'staging' | 'removing' | 'damaged' | undefined;
  if (hidden) return { kind: hidden, id };
  return name === id ? { kind: 'generation', id } : { kind: 'other' };
}

export const stagingName = (id: GenerationId): string => `.staging-${id}`;
export const removingName = (id: GenerationId): string => `.removing-${id}`;

/** `.damaged-g000007`, or `.damaged-g000007.2` where that is taken: a restored copy may be damaged again. */
export function damagedName(id: GenerationId, taken: ReadonlySet<string>): string {
  const base = `.damaged-${id}`;
  if (!taken.has(base)) return base;
  for (let copy = 2; ; copy++) if (!taken.has(`${base}.${copy}`)) return `${base}.${copy}`;
}

/** Generations by age, oldest first. */
export const generationsIn = (names: readonly string[]): GenerationId[] =>
  names
    .map(placeOf)
    .flatMap((place) => (place.kind === 'generation' ? [place.id] : []))
    .sort((a, b) => generationNumber(a) - generationNumber(b));

/**
 * One above every number that was ever given out and of which a trace is left: generations, damaged ones, and
 * the live pointer. A staged number that never became a generation is free again.
 */
export function nextGenerationId(names: readonly string[], live: GenerationId | null): GenerationId {
  const numbers = names
    .map(placeOf)
    .flatMap((place) => (place.kind === 'other' || place.kind === 'staging' ? [] : [place.id]))
    .concat(live ?? [])
    .map(generationNumber);
  return generationId(numbers.reduce((a, b) => Math.max(a, b), 0) + 1);
}
