// Text files as lines, gzip unpacked: query, document and judgment files.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { RestillError } from '../errors.ts';
import type { TextFile } from '../trainer/judged.ts';

/** @throws INPUT_UNREADABLE naming the file. */
export function readLines(file: string): TextFile {
  try {
    const bytes = readFileSync(file);
    const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return { name: file, lines: (gzipped ? gunzipSync(bytes) : bytes).toString('utf8').split('\n') };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RestillError('INPUT_UNREADABLE', `cannot read ${file}: ${why}; check the path`, {
      cause: error,
    });
  }
}
