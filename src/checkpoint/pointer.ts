// current.json: which generation serves. Small, sealed, replaced as a whole.
import { z } from 'zod';
import type { GenerationId } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { parseGenerationId } from './generation.ts';
import { seal, unseal } from './sealed-json.ts';

export interface Pointer {
  readonly version: 1;
  readonly id: GenerationId;
  /** When it was set, ISO 8601. For people; nothing is decided by it. */
  readonly since: string;
}

const pointerSchema = z.strictObject({ version: z.literal(1), id: z.string(), since: z.iso.datetime() });

export function encodePointer(id: GenerationId, sinceMs: number): Uint8Array {
  assert(parseGenerationId(id) === id, `${id} is not a generation id`);
  const pointer: Pointer = { version: 1, id, since: new Date(sinceMs).toISOString() };
  return seal({ ...pointer });
}

/** @throws GENERATION_DAMAGED naming the file: a wrong pointer must not put a wrong generation in service. */
export function decodePointer(bytes: Uint8Array, where: string): Pointer {
  const parsed = pointerSchema.safeParse(unseal(bytes));
  const id = parsed.success ? parseGenerationId(parsed.data.id) : null;
  if (!parsed.success || id === null)
    throw new RestillError(
      'GENERATION_DAMAGED',
      `${where} does not match its own checksum or version; ` +
        'remove it, then nothing is live until the next promotion',
    );
  return { ...parsed.data, id };
}
