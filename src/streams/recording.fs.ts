// A recorded topic: a file of envelopes, one a line, plain, gzip or zstd.
//
// Invariants:
// 1. Nothing is lost and nothing is made up: every whole line before the end, or before the place where the
//    file is cut off, is delivered once and in order; then comes the end or the error. Half a line before a
//    cut is no line.
// 2. Memory is bounded by the chunks and records.bytes_max, whatever is in the file: a longer line is cut
//    off.
//
// While one chunk is parsed, the next ones are read and decompressed: `aheadMax` of them, no more.
// Not guaranteed: a compressed file that is damaged inside. That is found out late (gzip has one checksum, at
// its end), so wrong lines may come before the error, and right ones just before it may be missing. Resumed
// with a sound file, ingest finds that the newest record it took is another one.
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { RestillError } from '../errors.ts';
import { type Decompressed, type Decompressor, decompressorFor } from './decompress.fs.ts';
import { badLine, placeLine } from './envelope.ts';
import { keptBytes, openLines } from './lines.ts';
import type { SourceItem } from './ports.ts';

/** @throws RestillError INPUT_UNREADABLE if it is not there, is a directory or may not be read */
export async function openRecording(path: string, bytesMax: number): Promise<Recording> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'r');
    const stat = await handle.stat();
    if (stat.isDirectory()) throw new Error('it is a directory; name the files in it');
    return new Recording(path, handle, stat.size, bytesMax);
  } catch (cause) {
    await handle?.close();
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'permission to read it is missing'
          : message;
    throw new RestillError('INPUT_UNREADABLE', `cannot read ${path}: ${why}`, { cause });
  }
}

/** Enough to recognise a format by. */
const headBytes = 4096;
/** A piece of the file read at a time. */
const readBytes = 1 << 18;

/** Chunks that are decompressed while one is parsed: so many that this thread hardly ever waits for one. */
const aheadMax = 3;

/** What comes of one piece of the file. */
interface Piece extends Decompressed {
  /** Of the file, up to the end of this one. */
  readonly bytesRead: number;
}

export class Recording {
  readonly bytesTotal: number;
  /** Bytes of the file that were used up for what has been delivered. */
  bytesRead = 0;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #splitter;
  #decompressor: Decompressor | null = null;
  #buffers: readonly Buffer[] = Array.from({ length: aheadMax + 2 }, () => Buffer.alloc(0));
  /** Read from the file and not yet decompressed. */
  #unread: Buffer = Buffer.alloc(0);
  /** The bytes after those, under way. */
  #ahead: Promise<Buffer> | null = null;
  #items: SourceItem[] = [];
  #lines = 0;
  /** What the chunks after the last one come to, under way. */
  #next: Promise<Piece | null>[] = [];
  /** Bytes of the file that were pushed into the decompressor. */
  #bytesPushed = 0;
  #failure: Error | null = null;
  /** Of the file; what it holds may not all have been delivered. */
  #endReached = false;
  #ended = false;

  constructor(path: string, handle: FileHandle, bytesTotal: number, bytesMax: number) {
    this.#path = path;
    this.#handle = handle;
    this.bytesTotal = bytesTotal;
    const file = basename(path);
    this.#splitter = openLines(bytesMax, {
      line: (bytes, line) => {
        this.#lines = line;
        // A line that waits for its turn keeps the chunk it stands in: cheaper than a copy of each.
        const kept = this.#decompressor!.givesAway ? bytes : Buffer.from(bytes);
        this.#items.push(placeLine(kept, { file, line }));
      },
      tooLong: (head, line, length) => {
        this.#lines = line;
        const detail = `${length} bytes, records.bytes_max is ${bytesMax}; the first ${keptBytes} are kept`;
        this.#items.push(badLine(head, { file, line }, detail, undefined, 'too-large'));
      },
    });
  }

  async read(): Promise<SourceItem[] | null> {
    while (this.#items.length === 0) {
      if (this.#failure !== null) throw this.#brokenOff(this.#failure);
      if (this.#ended) return null;
      await this.#advance();
    }
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** Whoever reads is at the end now, also in the middle of a file without lines. */
  stop(): void {
    this.#ended = true;
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.allSettled([...this.#next, this.#ahead]); // Whoever closes has no more interest in these.
    this.#decompressor?.close();
    await this.#handle.close();
  }

  async #advance(): Promise<void> {
    while (this.#next.length < aheadMax) {
      const next = this.#decompressAfter(this.#next.at(-1));
      next.catch(() => {}); // Reported when its turn comes.
      this.#next.push(next);
    }
    const now = await this.#next.shift()!;
    if (now === null) {
      this.#ended = true;
      this.#splitter.end();
      return;
    }
    for (const chunk of now.chunks) this.#splitter.push(chunk);
    this.#failure = now.failure;
    this.bytesRead = now.bytesRead;
  }

  /**
   * They take turns: what came of one may be views of it and is parsed, while the next ones are decompressed
   * and the one after those is read. Each is several inputs of the decompressor, which can start on the next
   * one at once: the end of a read is only noticed when this thread has nothing else to do.
   */
  #nextBuffer(): Buffer {
    const size = this.#decompressor === null ? headBytes : readBytes;
    const [next, ...others] = this.#buffers;
    const buffer = next!.length === size ? next! : Buffer.allocUnsafe(size);
    this.#buffers = [...others, buffer];
    return buffer;
  }

  async #readFile(): Promise<Buffer> {
    const bytes = this.#nextBuffer();
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, null);
    return bytes.subarray(0, bytesRead);
  }

  async #decompressAfter(before: Promise<unknown> | undefined): Promise<Piece | null> {
    await before;
    const decompressed = await this.#decompress();
    return decompressed && { ...decompressed, bytesRead: this.#bytesPushed };
  }

  /** The next chunk; null after the last one. */
  async #decompress(): Promise<Decompressed | null> {
    if (this.#unread.length === 0 && !this.#endReached) {
      try {
        this.#unread = await (this.#ahead ?? this.#readFile());
      } catch (error) {
        return { chunks: [], failure: error as Error };
      }
      this.#decompressor ??= decompressorFor(this.#unread);
      if (this.#unread.length > 0) {
        this.#ahead = this.#readFile();
        this.#ahead.catch(() => {}); // Reported when its turn comes.
      }
    }
    const bytes = this.#unread.subarray(0, this.#decompressor!.inputBytes);
    this.#unread = this.#unread.subarray(bytes.length);
    this.#bytesPushed += bytes.length;
    if (bytes.length > 0) return this.#decompressor!.push(bytes);
    if (this.#endReached) return null;
    this.#endReached = true;
    return this.#decompressor!.end();
  }

  #brokenOff(cause: Error): RestillError {
    return new RestillError(
      'INPUT_UNREADABLE',
      `${this.#path} breaks off after ${this.#lines} lines (${this.bytesRead} of ${this.bytesTotal} bytes ` +
        `read): ${cause.message}; what came before was taken; fetch the file again and repeat the command, ` +
        'which goes on from there',
      { cause },
    );
  }
}
