// Promise 12: values that name a person do not reach the journal, and ordinary queries are left alone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact } from '../../src/streams/redact.ts';

const cases: [rule: string, query: string, expected: string][] = [
  ['e-mail', 'mail from jane.doe+shop@mail.example.co.uk please', 'mail from <email> please'],
  ['e-mail', 'Jürgen@müller.de', '<email>'],
  ['card', 'visa 4111 1111 1111 1111 declined', 'visa <card> declined'],
  ['card', '5500-0000-0000-0004', '<card>'],
  ['card', 'amex 378282246310005', 'amex <card>'],
  ['card', '12 4111 1111 1111 1111 30 days', '12 <card> 30 days'],
  ['IBAN', 'refund to DE89 3704 0044 0532 0130 00 today', 'refund to <iban> today'],
  ['IBAN', 'gb82west12345698765432', '<iban>'],
  ['IPv4', 'router 192.168.0.1 login', 'router <ip> login'],
  ['IPv4', 'at 10.0.0.1.', 'at <ip>.'],
  ['IPv6', 'ping 2001:db8:0:0:0:0:0:1 now', 'ping <ip> now'],
  ['IPv6', 'fe80::1ff:fe23:4567:890a', '<ip>'],
  ['phone', 'call +49 (0)30 901820-0', 'call <phone>'],
  ['phone', '(212) 555-0123', '<phone>'],
  ['phone', '212.555.0123 reviews', '<phone> reviews'],
  ['phone', '1-800-555-0199', '<phone>'],
  ['phone', '020 7946 0958', '<phone>'],
  ['phone', '06 12 34 56 78', '<phone>'],
  ['long digit run', 'order 123456789012', 'order <number>'],
  ['two', 'a@b.de and c@d.fr', '<email> and <email>'],
];

test.each(cases)('%s: %j becomes %j', (_rule, query, expected) => {
  expect(redact(query)).toEqual({ text: expected, count: expected.split('<').length - 1 });
});

describe('what only looks like it stays', () => {
  test.each([
    'nike air max 90 size 10.5',
    'ua 1293912 pant', // seven digits: an article number
    'iphone 15 pro max 256gb',
    '2x4x8 lumber 10-20-30 fertilizer',
    'usb 3.2.1 driver', // three parts
    'version 1.2.3.4.5', // five parts
    'ip 300.1.1.1', // no octet
    'alarm 12:30:45', // a time of day
    'std::vector', // one group
    '1:2:3:4:5:6:7', // seven groups
    'call of duty @ home',
    'released 2024-11-21',
    'DE02 3704 0044 0532 0130 00', // wrong check digits
    '1/2 inch 3/4 ratio 16:9',
  ])('%j', (query) => {
    expect(redact(query)).toEqual({ text: query, count: 0 });
  });

  test('a card number that fails its check digit is no card, but too long a number to keep', () => {
    expect(redact('4111111111111112').text).toBe('<number>');
    expect(redact('4111111111111111').text).toBe('<card>');
  });
});

test("Luhn's check: of the ten last digits exactly one makes a card", () => {
  const cards = [...'0123456789'].filter((last) => redact(`411111111111111${last}`).text === '<card>');
  expect(cards).toEqual(['1']);
  const swapped = redact('4111111111111117').text; // two digits' worth of change
  expect(swapped).toBe('<number>');
});

test('ISO 13616: of all check digits exactly one makes an IBAN', () => {
  const checks = Array.from({ length: 97 }, (_, i) => String(i + 2).padStart(2, '0'));
  const valid = checks.filter((check) => redact(`GB${check}WEST12345698765432`).text === '<iban>');
  expect(valid).toEqual(['82']);
});

test('whatever surrounds it, a value goes', () => {
  const words = fc.array(fc.constantFrom('red', 'shoes', 'für', '(', ',', '-', '靴'), { maxLength: 4 });
  const value = fc.constantFrom(
    'jane@example.com',
    '4111111111111111',
    'DE89370400440532013000',
    '192.168.10.20',
    '2001:db8::ff00:42:8329',
    '+14155552671',
    '9876543210',
  );
  fc.assert(
    fc.property(words, value, words, (before, secret, after) => {
      const { text, count } = redact([...before, secret, ...after].join(' '));
      expect(text).not.toContain(secret);
      expect(count).toBeGreaterThanOrEqual(1);
    }),
  );
});

test('any text: never throws, redacting twice changes nothing, and no run of nine digits is left', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'0123456789 .-:@+()abDE'), maxLength: 60 }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const once = redact(text).text;
      expect(redact(once)).toEqual({ text: once, count: 0 });
      expect(once).not.toMatch(/\d{9}/);
    }),
    { numRuns: 500 },
  );
});

test('a long hostile query takes no more than a moment: the rules do not backtrack without bound', () => {
  for (const piece of ['0 ', 'a.', '1.', ':a', '+1 ', 'de89 ', 'a@', '(0']) {
    const text = piece.repeat(20_000);
    expect(redact(text).text.length).toBeGreaterThan(0);
  }
}, 10_000);
