// Invariant 1 of dead-letters.fs.ts: each letter once, whatever was cut short (promises 1 and 9).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DeadLetter } from '../../src/contract.ts';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { recordOf } from '../support/records.ts';

const letter = (offset: number, value: string | Buffer = 'x'): DeadLetter => ({
  record: recordOf(1, offset, 5, { key: 'k', value, headers: [['a', 'b']] }),
  reason: 'malformed',
  detail: 'value: not JSON',
});

const newPath = (): string => join(temporaryDirectory(), 'data', 'dead-letters.jsonl');
const offsets = (path: string): number[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { offset: number }).offset);

test('a letter is an envelope with its reason, original bytes and coordinates', async () => {
  const path = newPath();
  const letters = await openDeadLetters(path, 0);
  const length = await letters.append([letter(3), letter(4, Buffer.from([255]))]);
  expect(await letters.append([])).toBe(length);
  await letters.close();
  const head = '"topic":"clicks","partition":1,"offset"';
  const tail = '"reason":"malformed","detail":"value: not JSON"}\n';
  expect(readFileSync(path, 'utf8')).toBe(
    `{${head}:3,"ts":5,"headers":["a","b"],"key":"k","payload":"x",${tail}` +
      `{${head}:4,"ts":5,"headers":["a","b"],"key":"k","payload_b64":"/w==",${tail}`,
  );
  expect(readFileSync(path).length).toBe(length);
});

test('what no transaction knew of is cut off, and comes again', async () => {
  const path = newPath();
  const first = await openDeadLetters(path, 0);
  const durable = await first.append([letter(0), letter(1)]);
  await first.append([letter(2)]);
  await first.close();
  writeFileSync(path, '{"half a li', { flag: 'a' });
  const again = await openDeadLetters(path, durable);
  expect(offsets(path)).toEqual([0, 1]);
  await again.append([letter(2), letter(3)]);
  await again.close();
  expect(offsets(path)).toEqual([0, 1, 2, 3]);
});

test('a file that was taken away is begun again', async () => {
  const path = newPath();
  const first = await openDeadLetters(path, 0);
  const durable = await first.append([letter(0)]);
  await first.close();
  rmSync(path);
  const again = await openDeadLetters(path, durable);
  const length = await again.append([letter(1)]);
  await again.close();
  expect(offsets(path)).toEqual([1]);
  expect(readFileSync(path).length).toBe(length);
});

test('a place that cannot be written is named', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  await expect(openDeadLetters(join(directory, 'file', 'letters'), 0)).rejects.toMatchObject({
    code: 'STORE_WRITE_FAILED',
    message: expect.stringContaining('free disk space'),
  });
});
