// The file of records that could not be used: envelopes with `reason` and `detail`, one a line (promise 9).
//
// Invariants:
// 1. Each letter is in the file once, whatever kills the process: the journal records the file's length in
//    the transaction of the offsets, letters are on disk before that transaction, and what is beyond the
//    recorded length when the file is opened belongs to a transaction that never was: it is cut off, and
//    comes again.
// 2. The file is bounded by the disk alone. A bound of its own would lose letters; a full disk halts ingest.
// The operator may take the file away while nothing runs: a shorter or missing file is continued at its end.
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RestillError } from '../errors.ts';
import { formatLetter } from './envelope.ts';
import type { DeadLetterFile } from './ports.ts';

/**
 * @param lengthDurable what the journal has recorded.
 * @throws RestillError STORE_WRITE_FAILED
 */
export async function openDeadLetters(path: string, lengthDurable: number): Promise<DeadLetterFile> {
  return writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a');
    let length = Math.min((await file.stat()).size, lengthDurable);
    await file.truncate(length);
    return {
      append: (letters) =>
        writing(path, async () => {
          if (letters.length === 0) return length;
          const bytes = Buffer.from(letters.map((letter) => `${formatLetter(letter)}\n`).join(''));
          await file.appendFile(bytes);
          await file.sync();
          length += bytes.length;
          return length;
        }),
      close: () => file.close(),
    };
  });
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot write dead letters to ${path}: ${(cause as Error).message}; ` +
        'free disk space or make it writable, then start again',
      { cause },
    );
  }
}
