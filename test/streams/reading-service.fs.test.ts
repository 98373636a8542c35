// What the reading thread says, over a port in this thread: no more batches than are wanted, what came before
// a break before the error, errors with code, message and cause, and the end of it whenever it is closed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { unpackItems } from '../../src/streams/columns.ts';
import { type About, errorOf, type FromReader, type ToReader } from '../../src/streams/reading.ts';
import { serveRecordings } from '../../src/streams/reading-service.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { recordingOf, recordOf, topicOf } from '../support/records.ts';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

interface Conversation {
  say(recording: number, message: ToReader): void;
  /** The next thing that is said. */
  hear(): Promise<About<FromReader>>;
  /** What was said and not heard yet. */
  readonly unheard: readonly About<FromReader>[];
}

function converse(): Conversation {
  const { port1: here, port2: there } = new MessageChannel();
  ports.push(here, there);
  serveRecordings(there);
  const unheard: About<FromReader>[] = [];
  let notify = (): void => {};
  here.on('message', (said: About<FromReader>) => {
    unheard.push(said);
    notify();
  });
  return {
    say: (recording, message) => here.postMessage({ recording, message }),
    unheard,
    async hear() {
      while (unheard.length === 0)
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      return unheard.shift()!;
    },
  };
}

function fileOf(content: string | Buffer): string {
  const path = join(temporaryDirectory(), 'recording');
  writeFileSync(path, content);
  return path;
}

/** Records of 100 KB, of which ten fit into a batch. */
const large = recordingOf(
  Array.from({ length: 60 }, (_, offset) => recordOf(0, offset, 0, { value: 'x'.repeat(100_000) })),
);
const bytesMax = 1 << 20;

const countOf = ({ message }: About<FromReader>): number =>
  message.kind === 'batch' ? unpackItems(message.columns).length : 0;

test('it is ahead by what is wanted, and not by more', async () => {
  const { say, hear, unheard } = converse();
  say(0, { kind: 'open', path: fileOf(large), bytesMax });
  for (let wanted = 0; wanted < 2; wanted++) say(0, { kind: 'want' });
  expect((await hear()).message).toEqual({ kind: 'opened', bytesTotal: large.length });
  expect([countOf(await hear()), countOf(await hear())]).toEqual([10, 10]);
  // While another one is read to its end there is time enough for a third.
  say(1, { kind: 'open', path: fileOf(large), bytesMax });
  for (let wanted = 0; wanted < 6; wanted++) say(1, { kind: 'want' });
  let heard = 0;
  for (let last = ''; last !== 'ended'; heard++) {
    const said = await hear();
    expect(said.recording).toBe(1);
    last = said.message.kind;
  }
  expect(heard).toBe(8);
  expect(unheard).toEqual([]);
  say(0, { kind: 'want' });
  expect(await hear()).toMatchObject({ recording: 0, message: { kind: 'batch' } });
});

describe('errors', () => {
  test('of a file that breaks off: what came before it first', async () => {
    const { say, hear } = converse();
    const records = topicOf(50);
    const cut = gzipSync(recordingOf(records)).subarray(0, -8);
    say(0, { kind: 'open', path: fileOf(cut), bytesMax });
    expect((await hear()).message.kind).toBe('opened');
    say(0, { kind: 'want' });
    expect(countOf(await hear())).toBe(records.length);
    const { message } = await hear();
    expect(message).toMatchObject({ kind: 'failed', bytesRead: cut.length });
    expect(message.kind === 'failed' && errorOf(message.failure)).toMatchObject({
      name: 'RestillError',
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('unexpected end of file'),
      cause: { message: 'unexpected end of file', code: 'Z_BUF_ERROR' },
    });
  });

  test('of a file that is not there; it can be closed all the same', async () => {
    const { say, hear } = converse();
    say(3, { kind: 'open', path: '/no/such/file', bytesMax });
    expect(await hear()).toMatchObject({
      recording: 3,
      message: { kind: 'failed', failure: { code: 'INPUT_UNREADABLE', cause: { code: 'ENOENT' } } },
    });
    say(3, { kind: 'close' });
    expect(await hear()).toEqual({ recording: 3, message: { kind: 'closed' } });
  });
});

describe('closed', () => {
  test.each([
    ['before it is open', 0],
    ['while nothing is wanted', 1],
  ])('%s: it says so, and nothing else any more', async (_, heardBefore) => {
    const { say, hear, unheard } = converse();
    say(0, { kind: 'open', path: fileOf(large), bytesMax });
    for (let heard = 0; heard < heardBefore; heard++) await hear();
    say(0, { kind: 'close' });
    let last = (await hear()).message.kind;
    while (last !== 'closed') last = (await hear()).message.kind;
    expect(unheard).toEqual([]);
  });
});
