// What a function is fed, checked before it runs: TensorFlow's own checks come late and speak of graph nodes.
import { RestillError } from '../errors.ts';
import type { FeedSpec, GraphFunction } from './graph.ts';
import { dataTypeOf } from './graph-def.ts';
import type { FeedValue } from './packing.ts';
import { elements } from './parameters.ts';

/**
 * Checks names, types, ranks, sizes, and that sizes of one name agree.
 *
 * @throws RestillError `SHAPE_MISMATCH` naming function, input, what it is and what it should be.
 */
export function checkFeeds(definition: GraphFunction, feeds: Readonly<Record<string, FeedValue>>): void {
  const { name, feeds: specs } = definition;
  const missing = Object.keys(specs).filter((feed) => !(feed in feeds));
  const unknown = Object.keys(feeds).filter((feed) => !(feed in specs));
  if (missing.length > 0 || unknown.length > 0)
    throw mismatch(
      `function ${name} is fed ${list(Object.keys(feeds))}`,
      `needs ${list(Object.keys(specs))}`,
    );
  const known = new Map<string, number>();
  for (const [feed, spec] of Object.entries(specs)) {
    const value = feeds[feed]!;
    const actual = `${dataTypeOf(value.data)} [${value.shape}] (${value.data.length} numbers)`;
    if (!fits(spec, value, known))
      throw mismatch(
        `function ${name}, input ${feed}: got ${actual}`,
        `expected ${expectation(spec, known)}`,
      );
  }
}

/** Notes the sizes that names stand for. */
function fits(spec: FeedSpec, { data, shape }: FeedValue, known: Map<string, number>): boolean {
  return (
    dataTypeOf(data) === spec.type &&
    shape.length === spec.shape.length &&
    elements(shape) === data.length &&
    shape.every((actual, axis) => {
      const size = spec.shape[axis]!;
      if (typeof size === 'number') return actual === size;
      const { factor, name } = named(size);
      if (!known.has(name) && actual % factor === 0) known.set(name, actual / factor);
      return actual === factor * (known.get(name) ?? Number.NaN);
    })
  );
}

/** `2b` is twice the size b. */
function named(size: string): { factor: number; name: string } {
  const [, factor, name] = /^(\d*)(.+)$/.exec(size)!;
  return { factor: factor === '' ? 1 : Number(factor), name: name! };
}

function expectation({ type, shape }: FeedSpec, known: ReadonlyMap<string, number>): string {
  const names = shape.filter((size) => typeof size === 'string').map((size) => named(size).name);
  const values = [...new Set(names)].filter((n) => known.has(n)).map((n) => `${n} = ${known.get(n)}`);
  return `${type} [${shape}]${values.length > 0 ? ` with ${values.join(', ')}` : ''}`;
}

const mismatch = (actual: string, expected: string): RestillError =>
  new RestillError('SHAPE_MISMATCH', `${actual}, ${expected}; see how its caller builds the feeds`);

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');
