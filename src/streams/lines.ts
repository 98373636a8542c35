// Lines out of chunks of bytes, with bounded memory: a line longer than the limit is skipped, not gathered.
//
// Invariants:
// 1. However the bytes are cut into chunks, the lines are the same.
// 2. Between two chunks no more of a line is held than `bytesMax` bytes (1 KiB if that is less).

/** Of a line that is too long, so many bytes are kept for its dead letter. */
export const keptBytes = 1024;

export interface LineSink {
  /** A line without its line end; only valid during the call. Empty lines are left out but counted. */
  line(bytes: Buffer, number: number): void;
  /** A line of `length` bytes, more than the limit, with its beginning. */
  tooLong(head: Buffer, number: number, length: number): void;
}

const carriageReturn = 13;
/** Some programs begin a UTF-8 file with it. */
const byteOrderMark = 0xefbbbf;

export interface LineSplitter {
  push(chunk: Buffer): void;
  /** The input has ended in good order: what follows the last line feed is a line, too. */
  end(): void;
}

/** @param bytesMax longest line, in bytes without the line feed. */
export function openLines(bytesMax: number, sink: LineSink): LineSplitter {
  const heldMax = Math.max(bytesMax, keptBytes);
  let parts: Buffer[] = [];
  /** Bytes of the unfinished line so far; more than `parts` holds once it is too long. */
  let length = 0;
  let number = 0;

  const finish = (bytes: Buffer, total: number): void => {
    number++;
    if (total > bytesMax) return sink.tooLong(bytes.subarray(0, keptBytes), number, total);
    const from = number === 1 && total >= 3 && bytes.readUIntBE(0, 3) === byteOrderMark ? 3 : 0;
    const to = bytes[total - 1] === carriageReturn ? total - 1 : total;
    if (to > from) sink.line(bytes.subarray(from, to), number);
  };

  const gather = (part: Buffer): void => {
    const held = length;
    length += part.length;
    // A copy: the chunk would otherwise stay in memory for the sake of its last line.
    if (length <= heldMax) parts.push(Buffer.from(part));
    else if (held <= heldMax)
      parts = [Buffer.concat([...parts, part.subarray(0, keptBytes)]).subarray(0, keptBytes)];
  };

  const finishGathered = (): void => {
    finish(parts.length === 1 ? parts[0]! : Buffer.concat(parts), length);
    parts = [];
    length = 0;
  };

  return {
    push(chunk) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(10, start);
        if (end < 0) break;
        if (length === 0) finish(chunk.subarray(start, end), end - start);
        else {
          gather(chunk.subarray(start, end));
          finishGathered();
        }
        start = end + 1;
      }
      if (start < chunk.length) gather(chunk.subarray(start));
    },
    end() {
      if (length > 0) finishGathered();
    },
  };
}
