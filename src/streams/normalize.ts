// When two queries are the same.
import { hashHex } from '../hash.ts';

/** White space as one blank, none at the ends; case kept. */
export const foldSpace = (query: string): string => query.replace(unfolded, ' ').trim();

/** All white space but single blanks: most queries have no other, and stay the string they are. */
const unfolded = / \s+|[^\S ]\s*/gu;

/**
 * Unicode NFKC (full-width letters, ligatures), lower case, white space folded. Accents stay: they tell words
 * apart. Applying it twice gives what applying it once gives.
 */
export function normalizeQuery(query: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range, for which NFKC changes nothing
  if (/^[\x00-\x7f]*$/.test(query)) return foldSpace(query.toLowerCase());
  // Lower-casing can take apart what NFKC had joined, so NFKC comes last as well.
  return foldSpace(query.normalize('NFKC').toLowerCase().normalize('NFKC'));
}

/** 16 hexadecimal digits: equal for queries that normalise to the same text. */
export const queryKey = (normalized: string): string => hashHex(normalized);
