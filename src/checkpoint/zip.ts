// A zip archive of stored files: weights do not compress, and OpenSearch wants one file. APPNOTE.TXT 6.3.3,
// sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end); no zip64.
import { crc32 } from 'node:zlib';
import type { ArtifactFile } from '../contract.ts';
import { RestillError } from '../errors.ts';

/** What the format holds without its 64-bit extension. */
const bytesMax = 0xffff_fffe;
/** Version 1.0: nothing but stored files. */
const version = 10;
/** Names are UTF-8. */
const flags = 0x0800;
/** 1980-01-01, the first day of the format: equal files give equal archives. */
const date = 0x0021;

/** @throws RestillError `MODEL_UNSUPPORTED` above 4 GiB. */
export function encodeZip(files: readonly ArtifactFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { path, bytes } of files) {
    const name = Buffer.from(path);
    const sums = { crc: crc32(bytes), bytes: bytes.length };
    const local = Buffer.concat([header(0x04034b50, [version], sums, name.length), name]);
    directory.push(centralEntry(sums, name, at));
    parts.push(local, bytes);
    at += local.length + bytes.length;
  }
  const central = Buffer.concat(directory);
  if (at + central.length > bytesMax)
    throw new RestillError('MODEL_UNSUPPORTED', `a zip holds ${bytesMax} bytes, not ${at}; export --to onnx`);
  return Buffer.concat([...parts, central, end(files.length, central.length, at)]);
}

interface Sums {
  readonly crc: number;
  readonly bytes: number;
}

/** What a local header and a central entry begin with: up to the lengths of name and extra field. */
function header(signature: number, versions: readonly number[], { crc, bytes }: Sums, name: number): Buffer {
  const out = Buffer.alloc(26 + 2 * versions.length + 2);
  let at = out.writeUInt32LE(signature, 0);
  for (const short of [...versions, flags, 0, 0, date]) at = out.writeUInt16LE(short, at);
  for (const long of [crc, bytes, bytes]) at = out.writeUInt32LE(long, at);
  at = out.writeUInt16LE(name, at);
  out.writeUInt16LE(0, at);
  return out;
}

function centralEntry(sums: Sums, name: Buffer, offset: number): Buffer {
  const rest = Buffer.alloc(14); // comment length, disk, attributes: all 0
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([header(0x02014b50, [version, version], sums, name.length), rest, name]);
}

function end(count: number, bytes: number, offset: number): Buffer {
  const out = Buffer.alloc(22);
  out.writeUInt32LE(0x06054b50, 0);
  out.writeUInt16LE(count, 8);
  out.writeUInt16LE(count, 10);
  out.writeUInt32LE(bytes, 12);
  out.writeUInt32LE(offset, 16);
  return out;
}
