// A token is right when it is the same, whatever the case of the scheme; nothing else is. An empty one is our
// bug.
import { expect, it } from 'vitest';
import { bearerCheck } from '../src/bearer.ts';

it.each([
  ['Bearer open sesame', true],
  ['bearer  open sesame', true],
  ['Bearer open sesam', false],
  ['Bearer open sesame!', false],
  ['Bearer Open sesame', false],
  ['Basic open sesame', false],
  ['Bearer', false],
  ['Bearer ', false],
  ['', false],
  [undefined, false],
])('%s: %s', (authorization, expected) => {
  expect(bearerCheck('open sesame')(authorization)).toBe(expected);
});

it('takes no empty token', () => {
  expect(() => bearerCheck('')).toThrow(/empty token/);
});
