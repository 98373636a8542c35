// The `pinned` file: generations that retention must keep, one id a line, `#` starts a comment. Written by
// people.
import type { GenerationId } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { parseGenerationId } from './generation.ts';

/**
 * @throws GENERATION_UNKNOWN for a line that is no id: a typing error must not cost the generation that was
 * meant.
 */
export function parsePinned(text: string, where: string): ReadonlySet<GenerationId> {
  const pinned = new Set<GenerationId>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    const id = parseGenerationId(entry);
    if (id === null)
      throw new RestillError(
        'GENERATION_UNKNOWN',
        `${where} line ${index + 1} says "${entry}", ` +
          'expected a generation id such as g000001; correct the line',
      );
    pinned.add(id);
  }
  return pinned;
}

/** The text with a line for the generation; null where it is pinned already. */
export function withPin(text: string, id: GenerationId, comment: string): string | null {
  if (parsePinned(text, 'pinned').has(id)) return null;
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${gap}${id}  # ${comment.replace(/\s+/g, ' ')}\n`;
}

/** The text without the generation's lines, all others as they were; null where it is not pinned. */
export function withoutPin(text: string, id: GenerationId): string | null {
  if (!parsePinned(text, 'pinned').has(id)) return null;
  return text
    .split('\n')
    .filter((line) => line.replace(/#.*/, '').trim() !== id)
    .join('\n');
}
