// Which texts are paths, and where they lead: to own members only, and never into an exception.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { getterOf, parsePath } from '../src/json-path.ts';

test.each([
  ['$', { head: [], tail: null }],
  ['$.a.b_2', { head: ['a', 'b_2'], tail: null }],
  ['$.a[0].c', { head: ['a', 0, 'c'], tail: null }],
  ["$['two words'][12]", { head: ['two words', 12], tail: null }],
  ['$.results[*].id', { head: ['results'], tail: ['id'] }],
  ['$.ids[*]', { head: ['ids'], tail: [] }],
])('%s is a path', (text, path) => expect(parsePath(text)).toEqual(path));

test.each([
  ...['', 'a', '.a', '$a', '$.', '$..a', '$.a.', '$.2', '$[-1]', '$[01]', '$[1', '$.a[*].b[*]', "$['']"],
  ...['$.a b', '$.*', '$[0:2]', '$.a[?(@.b)]', "$['a'b']", '$.a ', ' $.a'],
])('%j is none', (text) => expect(parsePath(text)).toBeNull());

const value = { a: { b: [{ c: 7 }, null] }, 'two words': false, n: null };
const at = (text: string): unknown => getterOf(parsePath(text)!.head)(value);

test.each([
  ['$', value],
  ['$.a.b[0].c', 7],
  ["$['two words']", false],
  ['$.n', null],
  ['$.a.b[1]', null],
  ['$.a.b[2]', undefined],
  ['$.a.b.length', undefined],
  ['$.a[0]', undefined],
  ['$.n.c', undefined],
  ['$.x.y.z', undefined],
  ['$.constructor', undefined],
  ['$.__proto__', undefined],
])('%s leads to %j', (text, expected) => expect(at(text)).toEqual(expected));

test('a getter never throws', () => {
  const step = fc.oneof(fc.string(), fc.nat(3), fc.constantFrom('a', 'length', '__proto__'));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 4 }), fc.anything(), (steps, anything) => {
      getterOf(steps)(anything);
    }),
  );
});
