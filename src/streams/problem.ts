// What is wrong with a value, for the dead letter. A value that does not fit is described by its type, never
// by its content, which is what users typed (promise 12).

/** Names the field and what it holds. */
export type Problem = string;

/** `array`, `null` and `missing` beside the names of typeof. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'array' : typeof value;
}

export function wholeNumber(name: string, value: unknown, least: number): Problem | null {
  if (Number.isSafeInteger(value) && (value as number) >= least) return null;
  return `${name}: expected a whole number >= ${least}, got ${numberKind(value)}`;
}

export function duration(name: string, value: unknown): Problem | null {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return null;
  return `${name}: expected a number >= 0 or null, got ${numberKind(value)}`;
}

function numberKind(value: unknown): string {
  if (typeof value !== 'number') return typeName(value);
  if (value < 0) return 'a negative number';
  return Number.isInteger(value) ? 'a number out of range' : 'a fraction';
}

/** Joins and sessions hang on it, so an empty one would join what does not belong together. */
export function identifier(name: string, value: unknown): Problem | null {
  if (typeof value === 'string' && value !== '') return null;
  const got = value === '' ? 'an empty one' : typeName(value);
  return `${name}: expected a string with something in it, got ${got}`;
}

export const text = (name: string, value: unknown): Problem | null =>
  typeof value === 'string' ? null : `${name}: expected a string, got ${typeName(value)}`;
