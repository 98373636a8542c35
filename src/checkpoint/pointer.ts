// current.json: which generation serves. Small, sealed, replaced as a whole.
import { z } from 'zod';
import type { GenerationId } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { generationIdSchema } from './generation.ts';
import { seal, unseal } from './sealed-json.ts';

export interface Pointer {
  readonly version: 1;
  readonly id: GenerationId;
  /** The newest generation when it was set: whatever its gate said, of this one and those before, is done. */
  readonly newest: GenerationId;
  /** When it was set, ISO 8601. For people; nothing is decided by it. */
  readonly since: string;
}

const pointerSchema = z.strictObject({
  version: z.literal(1),
  id: generationIdSchema,
  newest: generationIdSchema,
  since: z.iso.datetime(),
});

export function encodePointer(id: GenerationId, newest: GenerationId, sinceMs: number): Uint8Array {
  const pointer: Pointer = { version: 1, id, newest, since: new Date(sinceMs).toISOString() };
  const checked = pointerSchema.safeParse(pointer);
  assert(checked.success, `not a pointer: ${checked.error?.message}`);
  return seal({ ...pointer });
}

/** @throws GENERATION_DAMAGED naming the file: a wrong pointer must not put a wrong generation in service. */
export function decodePointer(bytes: Uint8Array, where: string): Pointer {
  const parsed = pointerSchema.safeParse(unseal(bytes));
  if (!parsed.success)
    throw new RestillError(
      'GENERATION_DAMAGED',
      `${where} does not match its own checksum or version; ` +
        'remove it, then the newest generation goes live if its gate promoted it',
    );
  return parsed.data;
}
