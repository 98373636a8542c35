// Bytes of a file, plain, gzip or zstd, recognised by their first bytes and not by the file's name.
//
// Invariant: what was decompressed before the input breaks off is delivered, then the error comes. (A stream
// that is read by `for await` drops what it holds when it fails; hence the plain event handlers here.)
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';

/** What came of some input: all of it, or what came before it broke off. */
export interface Decompressed {
  readonly chunks: readonly Buffer[];
  readonly failure: Error | null;
}

export interface Decompressor {
  /**
   * How many bytes to push at a time: a few bytes can stand for a lot, and what they stand for is in memory
   * at once.
   */
  readonly inputBytes: number;
  /** Whether the chunks are nobody else's, so that they may be kept. */
  readonly givesAway: boolean;
  /**
   * The bytes are used up, or the chunks are views of them: the caller may use its buffer again after those.
   */
  push(bytes: Buffer): Promise<Decompressed>;
  /** No more input: fails where the input is cut off. */
  end(): Promise<Decompressed>;
  close(): void;
}

/** More than one piece of input comes to as a rule: a second chunk would wait for the thread at work. */
const chunkBytes = 1 << 19;

/** @param head the first bytes of the file, at least four where it has as many. */
export function decompressorFor(head: Buffer): Decompressor {
  if (head.length >= 2 && head.readUInt16BE(0) === 0x1f8b) return fromGzip();
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return fromZstd();
  return plain;
}

const plain: Decompressor = {
  inputBytes: 1 << 18,
  givesAway: false,
  push: async (bytes) => ({ chunks: [bytes], failure: null }),
  end: async () => ({ chunks: [], failure: null }),
  close: () => {},
};

function fromGzip(): Decompressor {
  const transform = createGunzip({ chunkSize: chunkBytes });
  let chunks: Buffer[] = [];
  let failure: Error | null = null;
  let settle: (() => void) | null = null;
  transform.on('data', (chunk: Buffer) => chunks.push(chunk));
  transform.on('error', (error) => {
    failure = error;
    settle?.();
  });
  transform.on('end', () => settle?.());

  const step = (start: (done: () => void) => void): Promise<Decompressed> =>
    new Promise((resolve) => {
      settle = () => {
        settle = null;
        resolve({ chunks, failure });
        chunks = [];
      };
      if (failure === null) start(() => settle?.());
      else settle();
    });

  return {
    inputBytes: 1 << 16,
    givesAway: true,
    push: (bytes) => step((done) => transform.write(bytes, () => done())),
    end: () => step(() => transform.end()),
    close: () => transform.destroy(),
  };
}

/**
 * Not node:zlib, which has zstd from Node 22.15 on and is four times as fast: on a file that is cut off it
 * ends without an error (22.23). Not guaranteed: fzstd does not compare the checksums of frames.
 */
function fromZstd(): Decompressor {
  let chunks: Buffer[] = [];
  const decompress = new Decompress((chunk) => {
    chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  });
  const attempt = async (bytes: Uint8Array, final: boolean): Promise<Decompressed> => {
    let failure: Error | null = null;
    try {
      decompress.push(bytes, final);
    } catch (error) {
      failure = error as Error;
    }
    const done = { chunks, failure };
    chunks = [];
    return done;
  };
  return {
    inputBytes: 1 << 13,
    givesAway: false,
    // It keeps what it cannot use yet, and the caller will use its buffer again.
    push: (bytes) => attempt(Uint8Array.from(bytes), false),
    end: () => attempt(new Uint8Array(0), true),
    close: () => {},
  };
}
