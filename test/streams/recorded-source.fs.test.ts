// Invariants 1 and 2 of recording.fs.ts through the thread that reads: plain, gzip and zstd files, whole and
// damaged (acceptance 5 of the first issue: truncated gzip); several at once; closed in the middle.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RestillError } from '../../src/errors.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import { openRecordedSource } from '../../src/streams/recorded-source.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { recordingOf, recordOf, topicOf } from '../support/records.ts';

interface Outcome {
  readonly items: SourceItem[];
  readonly error: RestillError | null;
  readonly progress: { readonly bytesRead: number; readonly bytesTotal: number };
}

async function readAll(path: string, bytesMax = 4_096): Promise<Outcome> {
  const source = await openRecordedSource([path], { bytesMax });
  const items: SourceItem[] = [];
  try {
    for (;;) {
      const some = await source.read(0);
      if (some === null) return { items, error: null, progress: source.progress() };
      items.push(...some);
    }
  } catch (error) {
    return { items, error: error as RestillError, progress: source.progress() };
  } finally {
    await source.close();
  }
}

const nameOf = (item: SourceItem): string =>
  isLetter(item) ? item.detail : `${item.partition}/${item.offset}`;
const names = ({ items }: Outcome): string[] => items.map(nameOf);

/** A file of the test's own, by content; its name says nothing of its kind. */
function fileOf(content: string | Buffer, name = 'recording'): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, content);
  return path;
}

/** Zstandard without compression: frames of raw blocks (RFC 8878, 3.1.1). */
function zstd(content: Buffer, blockBytes = 1_000): Buffer {
  // Single segment, content size in four bytes, no checksum.
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0b10100000, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 5);
  const blocks: Buffer[] = [];
  for (let from = 0; from === 0 || from < content.length; from += blockBytes) {
    const block = content.subarray(from, from + blockBytes);
    const last = from + blockBytes >= content.length ? 1 : 0;
    const blockHead = Buffer.alloc(3);
    blockHead.writeUIntLE((block.length << 3) | last, 0, 3);
    blocks.push(blockHead, block);
  }
  return Buffer.concat([head, ...blocks]);
}

const records = topicOf(200);
const text = recordingOf(records);
const all = records.map(({ partition, offset }) => `${partition}/${offset}`);

describe('whole files', () => {
  test.each([
    ['plain', 'recording.gz', Buffer.from(text)],
    ['gzip', 'recording.zst', gzipSync(text)],
    [
      'gzip in two members',
      'recording',
      Buffer.concat([gzipSync(text.slice(0, 999)), gzipSync(text.slice(999))]),
    ],
    ['zstd', 'recording.jsonl', zstd(Buffer.from(text))],
    [
      'zstd in two frames',
      'recording.txt',
      Buffer.concat([zstd(Buffer.from(text.slice(0, 999))), zstd(Buffer.from(text.slice(999)))]),
    ],
    ['without a last line feed', 'recording', Buffer.from(text.slice(0, -1))],
  ])('%s, whatever it is called (%s)', async (_, name, content) => {
    const path = fileOf(content, name);
    const outcome = await readAll(path);
    expect(names(outcome)).toEqual(all);
    expect(outcome.error).toBeNull();
    expect(outcome.progress).toEqual({ bytesRead: content.length, bytesTotal: content.length });
    expect(outcome.items.map((item) => (isLetter(item) ? null : item.open()))).toEqual(records);
  });

  test('zstd as the zstd program compresses it', async () => {
    const packed = Buffer.from(
      'KLUv/QRobQIAksQOEaDtPLhUPjdZB0AE9h2C/tbARID6cv4pjs3yvozJxp9ofQc/dqOYkvsG' +
        'fnOqVcPyvo/LKGbON+q5Pg0FAA6QAHYVDDSae9wtlCfr8HCM',
      'base64',
    );
    const { items, error } = await readAll(fileOf(packed));
    expect(error).toBeNull();
    expect(items.map((item) => (isLetter(item) ? null : item.open()))).toEqual([
      recordOf(0, 0, 5, { value: 'a'.repeat(55) }),
      recordOf(0, 1, 6, { value: 'a'.repeat(55) }),
    ]);
  });

  test('an empty one has no records', async () => {
    for (const content of [Buffer.alloc(0), gzipSync(''), zstd(Buffer.alloc(0))])
      expect(await readAll(fileOf(content))).toMatchObject({ items: [], error: null });
  });

  test('lines that are no envelopes are letters in their place', async () => {
    const lines = text.split('\n');
    const outcome = await readAll(fileOf(['{', ...lines.slice(0, 2), '', 'null', lines[2]].join('\n')));
    expect(names(outcome)).toEqual([
      'recording line 1: not JSON',
      ...all.slice(0, 2),
      'recording line 5: expected an object, got null',
      all[2],
    ]);
  });

  test('all kinds hold the same, of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(600), fc.integer({ min: 50, max: 128_000 }), async (pages, blockBytes) => {
        const content = Buffer.from(recordingOf(topicOf(pages, 3)));
        const [plain, ...others] = await Promise.all(
          [content, gzipSync(content), zstd(content, blockBytes)].map((bytes) => readAll(fileOf(bytes))),
        );
        for (const other of others) expect(names(other)).toEqual(names(plain!));
      }),
      { numRuns: 5 },
    );
  });
});

describe('files that break off', () => {
  const whole = gzipSync(text);

  test('gzip: every whole line before the break, then the error, wherever it breaks', async () => {
    const directory = temporaryDirectory();
    const cuts = Array.from({ length: 60 }, (_, i) => Math.floor(((i + 1) * (whole.length - 1)) / 60));
    for (const cut of [11, whole.length - 1, whole.length - 8, ...cuts]) {
      const path = join(directory, `cut-${cut}`);
      writeFileSync(path, whole.subarray(0, cut));
      const readable = gunzipSync(whole.subarray(0, cut), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
      const lines = readable.split('\n').length - 1;
      const outcome = await readAll(path);
      expect(names(outcome)).toEqual(all.slice(0, lines));
      expect(outcome.error).toMatchObject({
        code: 'INPUT_UNREADABLE',
        message: expect.stringContaining(
          `cut-${cut} breaks off after ${lines} lines (${cut} of ${cut} bytes read)`,
        ),
      });
    }
  });

  test('gzip of many chunks: nothing that was decompressed is lost', async () => {
    const many = topicOf(6_000);
    const big = gzipSync(recordingOf(many));
    const cut = big.subarray(0, Math.floor(big.length * 0.9));
    const readable = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
    const outcome = await readAll(fileOf(cut));
    expect(outcome.items.length).toBe(readable.split('\n').length - 1);
    expect(outcome.error?.code).toBe('INPUT_UNREADABLE');
  });

  test('gzip with a wrong checksum: lines, then the error', async () => {
    const wrong = Buffer.from(whole);
    wrong[wrong.length - 6]! ^= 1;
    const outcome = await readAll(fileOf(wrong));
    expect(names(outcome)).toEqual(all.slice(0, outcome.items.length));
    expect(outcome.error).toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('check'),
    });
  });

  test('zstd: every block before the break, then the error', async () => {
    const packed = zstd(Buffer.from(text), 1_000);
    for (const cut of [30, 5_000, packed.length - 1]) {
      const blocks = Math.floor((cut - 9) / 1_003);
      const lines =
        Buffer.from(text)
          .subarray(0, blocks * 1_000)
          .toString()
          .split('\n').length - 1;
      const outcome = await readAll(fileOf(packed.subarray(0, cut)));
      expect(names(outcome)).toEqual(all.slice(0, lines));
      expect(outcome.error?.code).toBe('INPUT_UNREADABLE');
    }
  });
});

describe('2: a line that is too long', () => {
  test('is cut off, whatever comes after it', async () => {
    const long = `{"topic":"clicks","payload":"${'x'.repeat(5_000)}"}`;
    const lines = [...text.split('\n').slice(0, 2), long, text.split('\n')[2]];
    const outcome = await readAll(fileOf(lines.join('\n')));
    const cut = `recording line 3: ${long.length} bytes, records.bytes_max is 4096; the first 1024 are kept`;
    expect(names(outcome)).toEqual([...all.slice(0, 2), cut, all[2]]);
    expect(outcome.items[2]).toMatchObject({ reason: 'too-large', record: { value: long.slice(0, 1_024) } });
  });
});

describe('what cannot be opened', () => {
  test.each([
    ['no-such-file', 'there is no such file'],
    ['folder', 'it is a directory'],
  ])('is named: %s', async (name, why) => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'folder'));
    const path = join(directory, name);
    await expect(openRecordedSource([path], { bytesMax: 10 })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(new RegExp(`${name}: .*${why}`)),
    });
  });

  test.skipIf(process.getuid?.() === 0)('is named: without permission', async () => {
    const path = fileOf(text);
    chmodSync(path, 0);
    await expect(openRecordedSource([path], { bytesMax: 10 })).rejects.toThrow(
      'permission to read it is missing',
    );
  });
});

test('several files are several inputs, in the order of their names', async () => {
  const directory = temporaryDirectory();
  const paths = ['b', 'a', 'c'].map((name) => join(directory, name));
  paths.forEach((path, at) => {
    writeFileSync(path, gzipSync(recordingOf([recordOf(at, 0, 0)])));
  });
  const source = await openRecordedSource(paths, { bytesMax: 1_000 });
  const first = await Promise.all([0, 1, 2].map((input) => source.read(input)));
  expect(first.map((items) => nameOf(items![0]!))).toEqual(['1/0', '0/0', '2/0']);
  expect(source.progress().bytesTotal).toBe(paths.reduce((sum, path) => sum + readFileSync(path).length, 0));
  await source.close();
});

describe('may be closed', () => {
  const long = gzipSync(recordingOf(topicOf(5_000)));

  test('in the middle', async () => {
    const source = await openRecordedSource([fileOf(long)], { bytesMax: 1_000 });
    expect((await source.read(0))!.length).toBeGreaterThan(0);
    await source.close();
    expect(await source.read(0)).toBeNull();
  });

  // Who still waits then hears null (remote-recording.test.ts); here some items may have come before.
  test('while it is read: who reads is answered, and then at the end', async () => {
    const source = await openRecordedSource([fileOf(long), fileOf(long)], { bytesMax: 1_000 });
    const reading = Promise.all([source.read(0), source.read(1)]);
    await source.close();
    await reading;
    expect(await Promise.all([source.read(0), source.read(1)])).toEqual([null, null]);
  });

  test('and another one, opened before, goes on', async () => {
    const [first, second] = await Promise.all(
      [0, 1].map(() => openRecordedSource([fileOf(long)], { bytesMax: 1_000 })),
    );
    await first!.close();
    const items: SourceItem[] = [];
    for (let some = await second!.read(0); some !== null; some = await second!.read(0)) items.push(...some);
    expect(items.length).toBe(topicOf(5_000).length);
    await second!.close();
  });
});
