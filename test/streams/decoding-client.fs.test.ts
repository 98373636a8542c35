// A decoding thread that dies is an error by name and no hang; what it said before holds.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { DecodingThread } from '../../src/streams/decoding-client.fs.ts';
import { FetchedMessages, type PlacedMessage } from '../../src/streams/message.ts';

/** Says of its first piece that it is one record that does not matter, and dies of the second. */
const thread = (end: string): DecodingThread => {
  const program = `const { parentPort } = require('node:worker_threads');
    let asked = 0;
    parentPort.on('message', () => {
      if (asked++ > 0) { ${end} }
      else parentPort.postMessage({ anew: false, numbers: Float64Array.of(0), texts: [], others: [null] });
    });`;
  return new DecodingThread(new Worker(program, { eval: true }), 'clicks', [new SharedArrayBuffer(100)]);
};
function messageOf(offset: string): PlacedMessage {
  const message = { offset, timestamp: '0', key: null, value: Buffer.from('{}') };
  return new FetchedMessages('clicks', 0, [message], 100).at(0)!;
}

test.each([
  ['leaves', 'process.exit(7)', 'it left with code 7'],
  ['fails', 'throw new TypeError("no such thing")', 'no such thing'],
])('one that %s', async (_, end, why) => {
  const dying = thread(end);
  const [first, second] = [messageOf('0'), messageOf('1')];
  await dying.decode([first]);
  expect(first.decoded).toBeNull();
  const message = expect.stringContaining(`the thread that decodes records died: ${why}; what came before`);
  await expect(dying.decode([second])).rejects.toMatchObject({ code: 'BUG', message });
  await expect(dying.decode([second])).rejects.toMatchObject({ code: 'BUG', message });
  expect(second.decoded).toBeUndefined();
  await dying.close();
});
