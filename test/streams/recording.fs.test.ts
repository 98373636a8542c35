// Recordings in this thread: invariant 2 (a 50 MB line, acceptance 5 of the first issue), how much of the
// file is used up, and the stop. What they hold is tested in recorded-source.fs.test.ts.
import { openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { isLetter } from '../../src/streams/envelope.ts';
import { openRecording } from '../../src/streams/recording.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { recordingOf, topicOf } from '../support/records.ts';

const text = recordingOf(topicOf(200));

/** @returns the path of a file that begins with 50 MB. */
function largeFile(mebibyte: string, rest: string): string {
  const path = join(temporaryDirectory(), 'recording');
  const file = openSync(path, 'w');
  for (let at = 0; at < 50; at++) writeSync(file, mebibyte);
  writeSync(file, rest);
  return path;
}

test('2: a line of 50 MB takes no memory to speak of', async () => {
  const recording = await openRecording(largeFile('x'.repeat(1 << 20), `\n${text}`), 1 << 20);
  const before = process.memoryUsage().arrayBuffers;
  const [first] = (await recording.read())!;
  expect(isLetter(first!) && first.detail).toContain(`${50 << 20} bytes`);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 << 20);
  await recording.close();
});

test('bytesRead is that of the pieces delivered, not of those read ahead', async () => {
  const path = join(temporaryDirectory(), 'recording');
  const content = gzipSync(recordingOf(topicOf(4_000)), { level: 0 });
  writeFileSync(path, content);
  const recording = await openRecording(path, 1_000);
  const marks: number[] = [];
  while ((await recording.read()) !== null) marks.push(recording.bytesRead);
  expect(marks[0]).toBeLessThanOrEqual(1 << 16);
  expect(marks).toEqual([...marks].sort((a, b) => a - b));
  expect(recording.bytesRead).toBe(content.length);
  await recording.close();
});

test('stopped, whoever reads is at the end, also where no line is in sight', async () => {
  const recording = await openRecording(largeFile('\n'.repeat(1 << 20), text), 1_000);
  const reading = recording.read();
  recording.stop();
  expect(await reading).toBeNull();
  expect(recording.bytesRead).toBeLessThan(1 << 20);
  await recording.close();
});
