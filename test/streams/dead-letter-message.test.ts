// Letters as messages: the original bytes and headers, and where and why by the names of KIP-298; from the
// message and from the line of the file comes the same letter (promise 9).
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/contract.ts';
import {
  letterMessage,
  letterOf,
  originalMessage,
  parseLetter,
} from '../../src/streams/dead-letter-message.ts';
import { badLine, formatLetter } from '../../src/streams/envelope.ts';
import { recordOf } from '../support/records.ts';

const where = { file: 'letters', line: 1 };
const letter: DeadLetter = {
  record: recordOf(1, 42, 1_000, {
    key: 'k',
    value: Buffer.from([0xff]),
    headers: [
      ['trace', 'a'],
      ['trace', 'b'],
    ],
  }),
  reason: 'malformed',
  detail: 'not JSON',
};

test('the message holds what came, and why it was not usable', () => {
  expect(letterMessage(letter, 'restill')).toEqual({
    key: Buffer.from('k'),
    value: Buffer.from([0xff]),
    timestamp: '1000',
    headers: {
      trace: ['a', 'b'],
      '__connect.errors.topic': 'clicks',
      '__connect.errors.partition': '1',
      '__connect.errors.offset': '42',
      '__connect.errors.connector.name': 'restill',
      '__connect.errors.task.id': '0',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.class.name': 'restill',
      '__connect.errors.exception.class.name': 'RECORD_MALFORMED',
      '__connect.errors.exception.message': 'not JSON',
    },
  });
});

test('and comes back as the letter; what is sent again is what was sent first', () => {
  const { key, value, headers } = letterMessage(letter, 'restill');
  const flat = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((text) => [name, text] as const),
  );
  const buried = { ...recordOf(0, 3, 1_000), topic: 'dead', key: key!.toString(), value, headers: flat };
  expect(letterOf(buried)).toEqual(letter);
  expect(originalMessage(buried).headers).toEqual({ trace: ['a', 'b'] });
  expect(letterOf(recordOf(0, 0, 0))).toBeNull();
});

test.each([
  letter,
  { ...letter, reason: 'too-large' as const },
  badLine(Buffer.from('{"half'), where, 'not JSON'),
])('a line of the file is the letter', (one) => {
  expect(parseLetter(formatLetter(one), where)).toEqual(one);
});

test.each(['', 'null', '{}', '{"reason":"malformed"}'])('%j is none', (line) => {
  expect(() => parseLetter(line, where)).toThrow(expect.objectContaining({ code: 'INPUT_UNREADABLE' }));
});
