// How a value that does not fit is described: by its type, never by its content, which is what users typed
// (promise 12).

/** `array`, `null` and `missing` beside the names of typeof. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'array' : typeof value;
}
