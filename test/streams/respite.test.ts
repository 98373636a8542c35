// Whoever waits goes on when told to, or after a while, and nothing is left of it.
import { expect, test } from 'vitest';
import { Respite } from '../../src/streams/respite.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open() {
  const timer = virtualTimer();
  const respite = new Respite(timer, 500);
  const over: string[] = [];
  const begin = (name: string): void => void respite.begin().then(() => over.push(name));
  return { timer, respite, over, begin };
}

test('it ends when it is ended', async () => {
  const { timer, respite, over, begin } = open();
  begin('first');
  timer.advance(499);
  await settle();
  expect(over).toEqual([]);
  respite.end();
  await settle();
  expect(over).toEqual(['first']);
  expect(timer.waiting).toBe(0);
});

test('it lasts no longer than it may, also when nobody ends it', async () => {
  const { timer, over, begin } = open();
  begin('first');
  timer.advance(500);
  await settle();
  expect(over).toEqual(['first']);
});

test('another one ends the one before; an end without one is none', async () => {
  const { timer, respite, over, begin } = open();
  respite.end();
  begin('first');
  begin('second');
  await settle();
  expect(over).toEqual(['first']);
  expect(timer.waiting).toBe(1);
});
