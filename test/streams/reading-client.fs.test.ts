// A reading thread that dies is an error by name and no hang, and one that lives keeps no process alive.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ReadingThread } from '../../src/streams/reading-client.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { recordingOf, topicOf } from '../support/records.ts';

/**
 * A thread that opens what it is told to, delivers a batch of nothing, and comes to a bad end when it is
 * asked for more than the three that are wanted at the start. (What a thread says just before its end may be
 * lost.)
 */
const thread = (end: string): ReadingThread =>
  new ReadingThread(
    new Worker(
      `const { parentPort } = require('node:worker_threads');
      const [places, headers, letters] = [new Float64Array(0), new Map(), new Map()];
      const columns = { topics: [], places, keys: [], values: [], headers, letters };
      let wanted = 0;
      parentPort.on('message', ({ recording, message }) => {
        if (message.kind === 'want' && ++wanted === 4) { ${end} }
        if (message.kind !== 'open') return;
        parentPort.postMessage({ recording, message: { kind: 'opened', bytesTotal: 1 } });
        parentPort.postMessage({ recording, message: { kind: 'batch', columns, bytesRead: 0 } });
      });`,
      { eval: true },
    ),
  );

test.each([
  ['leaves', 'process.exit(7)', 'it left with code 7'],
  ['fails', 'throw new TypeError("no such thing")', 'no such thing'],
])('one that %s', async (_, end, why) => {
  const dying = thread(end);
  const recording = await dying.open('clicks.jsonl', 1_000);
  expect(await recording.read()).toEqual([]);
  const message = expect.stringContaining(`the thread that reads recordings died: ${why}; what came before`);
  await expect(recording.read()).rejects.toMatchObject({ code: 'BUG', message });
  expect(dying.isDead).toBe(true);
  await recording.close();
  await expect(dying.open('clicks.jsonl', 1_000)).rejects.toMatchObject({ code: 'BUG', message });
});

test('a process waits for what it reads, and ends though nothing was closed', () => {
  const path = join(temporaryDirectory(), 'recording');
  writeFileSync(path, recordingOf(topicOf(20)));
  const source = new URL('../../src/streams/recorded-source.fs.ts', import.meta.url).href;
  const program = `
    const { openRecordedSource } = await import(${JSON.stringify(source)});
    const source = await openRecordedSource([${JSON.stringify(path)}], { bytesMax: 1000 });
    console.log((await source.read(0)).length, await source.read(0));`;
  const options = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const printed = execFileSync(process.execPath, options, { encoding: 'utf8', timeout: 50_000 });
  expect(printed).toBe(`${topicOf(20).length} null\n`);
});
