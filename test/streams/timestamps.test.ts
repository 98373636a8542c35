// Times as producers write them: the same milliseconds on every machine, whatever its zone, or null.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeMsOf } from '../../src/streams/timestamps.ts';

const at = Date.UTC(2018, 10, 13, 20, 20, 39);

test.each([
  ['2018-11-13T20:20:39Z', at],
  ['2018-11-13T20:20:39', at],
  ['2018-11-13 20:20:39z', at],
  ['2018-11-13T20:20:39+00:00', at],
  ['2018-11-13T22:50:39+02:30', at],
  ['2018-11-13T15:20:39-0500', at],
  ['2018-11-13T15:20:39-05', at],
  ['2018-11-13T20:20:39.5Z', at + 500],
  ['2018-11-13T20:20:39,123999Z', at + 123],
  ['2018-11-13T20:20Z', at - 39_000],
  ['2020-02-29T00:00:00Z', Date.UTC(2020, 1, 29)],
])('iso %s', (text, expected) => {
  expect(timeMsOf(text, 'iso')).toBe(expected);
  expect(timeMsOf(text, 'iso_or_ms')).toBe(expected);
});

test.each([
  ...['2019-02-29T00:00:00Z', '2018-13-01T00:00:00Z', '2018-00-01T00:00:00Z', '2018-11-31T00:00:00Z'],
  ...['2018-11-13T24:00:00Z', '2018-11-13T20:60:00Z', '2018-11-13T20:20:60Z', '2018-11-13T20:20:39+24:00'],
  ...['2018-11-13', '20:20:39', 'now', '', '1542140439000', '1969-12-31T23:59:59Z', ' 2018-11-13T20:20:39Z'],
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  '0071-01-01T00:00:00Z',
])('iso %j is no time', (text) => expect(timeMsOf(text, 'iso')).toBeNull());

test.each([
  [1542140439000, 'ms', at],
  [1542140439000, 'iso_or_ms', at],
  [1542140439, 's', at],
  [1542140439.25, 's', at + 250],
  [0, 'ms', 0],
  [1.5, 'ms', null],
  [-1, 'ms', null],
  [1e300, 's', null],
  [Number.NaN, 's', null],
  ['1542140439000', 'ms', null],
  [1542140439000, 'iso', null],
  ['2018-11-13T20:20:39Z', 's', null],
  [null, 'iso_or_ms', null],
  [{}, 's', null],
] as const)('%j as %s', (value, format, expected) => expect(timeMsOf(value, format)).toBe(expected));

test('what Date writes is read back', () => {
  const times = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
  fc.assert(
    fc.property(times, (date) => {
      expect(timeMsOf(date.toISOString(), 'iso')).toBe(date.getTime());
    }),
  );
});
