// Invariants 1 and 2 of lines.ts, and what is no line.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keptBytes, openLines } from '../../src/streams/lines.ts';

type Seen = [number: number, text: string] | [number: number, head: string, length: number];

function split(chunks: readonly Buffer[], bytesMax = 10): Seen[] {
  const seen: Seen[] = [];
  const lines = openLines(bytesMax, {
    line: (bytes, number) => seen.push([number, bytes.toString()]),
    tooLong: (head, number, length) => seen.push([number, head.toString(), length]),
  });
  for (const chunk of chunks) {
    lines.push(chunk);
    chunk.fill(0); // Whoever keeps a view of a chunk instead of a copy is found out.
  }
  lines.end();
  return seen;
}

const of = (...texts: string[]): Seen[] => split(texts.map((text) => Buffer.from(text)));

test('lines, the last one with or without a line feed; empty ones are counted only', () => {
  expect(of('a\nbc\n')).toEqual([
    [1, 'a'],
    [2, 'bc'],
  ]);
  expect(of('a', 'b', '', 'c\n\n', '\nd')).toEqual([
    [1, 'abc'],
    [4, 'd'],
  ]);
  expect(of('')).toEqual([]);
});

test('carriage returns and a byte order mark at the beginning are no content', () => {
  expect(of('\ufeffa\r\n\r\nb\r')).toEqual([
    [1, 'a'],
    [3, 'b'],
  ]);
  expect(of('a\n\ufeffb')).toEqual([
    [1, 'a'],
    [2, '\ufeffb'],
  ]);
});

test('exactly the limit is a line, one more is cut off', () => {
  expect(of('0123456789\n01234567890\nx')).toEqual([
    [1, '0123456789'],
    [2, '01234567890', 11],
    [3, 'x'],
  ]);
});

test('of a long line the beginning is kept, wherever chunks end', () => {
  const long = 'ab'.repeat(keptBytes);
  for (const cut of [1, 9, 10, 11, 12, keptBytes, keptBytes + 1, 2 * keptBytes - 1])
    expect(of(long.slice(0, cut), long.slice(cut), '\nend')).toEqual([
      [1, long.slice(0, keptBytes), 2 * keptBytes],
      [2, 'end'],
    ]);
});

test('1: however the bytes are cut, the lines are the same', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r', '\ufeff', '0123456'), maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(200)), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, i) => Buffer.from(bytes.subarray(at[i], end)));
      expect(split(chunks)).toEqual(split([Buffer.from(bytes)]));
    }),
  );
});

test('2: a line of 50 MB is not gathered', () => {
  const chunk = Buffer.alloc(1 << 20, 'x');
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const seen: number[] = [];
  const lines = openLines(1 << 20, {
    line: () => seen.push(0),
    tooLong: (_head, _number, length) => seen.push(length),
  });
  for (let i = 0; i < 50; i++) {
    lines.push(chunk);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  lines.push(Buffer.from('\n{}\n'));
  expect(seen).toEqual([50 << 20, 0]);
  expect(most).toBeLessThan(8 << 20);
});
