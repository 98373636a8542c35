// Paths into a JSON value: the part of JSONPath (RFC 9535) that event mappings need.
//   $            the value itself
//   .name        a member; letters, digits and _, not beginning with a digit
//   ['any name'] a member by any name without a quote in it
//   [0]          an element of an array, counted from 0
//   [*]          all elements of an array; at most once in a path
// Nothing else: no filters, no slices, no `..`, no functions.

export type Step = string | number;

/** `head` leads to the array, or, where `tail` is null, to the value; `tail` goes on from each element. */
export interface JsonPath {
  readonly head: readonly Step[];
  readonly tail: readonly Step[] | null;
}

/** A path that leads to one value, or to none. */
export type Getter = (value: unknown) => unknown;

const stepPattern = /\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']+)'\]|\[(0|[1-9]\d{0,8})\]|\[(\*)\]/y;

/** Null for a text that is no such path. */
export function parsePath(text: string): JsonPath | null {
  if (!text.startsWith('$')) return null;
  const parts: Step[][] = [[]];
  stepPattern.lastIndex = 1;
  for (let at = 1; at < text.length; at = stepPattern.lastIndex) {
    stepPattern.lastIndex = at;
    const match = stepPattern.exec(text);
    if (match === null) return null;
    const [, name, quoted, index, all] = match;
    if (all === undefined) parts.at(-1)!.push(name ?? quoted ?? Number(index));
    else parts.push([]);
  }
  if (parts.length > 2) return null;
  return { head: parts[0]!, tail: parts[1] ?? null };
}

/** The value at the end of the steps; undefined where they lead nowhere. Never throws. */
export function getterOf(steps: readonly Step[]): Getter {
  const [first, ...rest] = steps;
  if (first === undefined) return (value) => value;
  // Own members only: `$.constructor` must not lead into the language.
  const step: Getter =
    typeof first === 'string'
      ? (value) => (isObject(value) && Object.hasOwn(value, first) ? value[first] : undefined)
      : (value) => (Array.isArray(value) ? (value[first] as unknown) : undefined);
  if (rest.length === 0) return step;
  const further = getterOf(rest);
  return (value) => further(step(value));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
