// A broker that is silent for longer than kafka.away_max is away, which is told once; it is back with the
// first answer. However many answers come, one timer waits; none after the end.
import { expect, test } from 'vitest';
import { watchContact } from '../../src/streams/contact.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

function open() {
  const timer = virtualTimer();
  const told: string[] = [];
  const away = (): void => void told.push(`away at ${timer.elapsed()}`);
  const back = (): void => void told.push(`back at ${timer.elapsed()}`);
  return { timer, told, contact: watchContact({ timer, awayMax: 100, away, back }) };
}

test('answers that keep coming leave it at that', () => {
  const { timer, told, contact } = open();
  for (let at = 0; at < 20; at++) {
    timer.advance(99);
    contact.heard();
  }
  expect(told).toEqual([]);
  expect(timer.waiting).toBe(1);
});

test('away is told once, as soon as it is true, and again the next time', () => {
  const { timer, told, contact } = open();
  timer.advance(30);
  contact.heard();
  timer.advance(1_000);
  contact.heard();
  contact.heard();
  timer.advance(150);
  expect(told).toEqual(['away at 130', 'back at 1030', 'away at 1130']);
});

test('nothing is told after the end', () => {
  const { timer, told, contact } = open();
  contact.close();
  timer.advance(1_000);
  expect(told).toEqual([]);
  expect(timer.waiting).toBe(0);
});
