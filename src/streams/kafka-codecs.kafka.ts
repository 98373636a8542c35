// What kafkajs 2.2.4 lacks: snappy, lz4 and zstd. Records are read in all of them; restill writes gzip or
// nothing, and zstd cannot be written at all.
import { decompress } from 'fzstd';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import * as snappy from 'snappy';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** Java's snappy writes blocks of its own framing: a head of 16 bytes, then length and block in turn. */
const xerial = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHead = 16;

const snappyCodec: Codec = {
  compress: ({ buffer }) => snappy.compress(buffer),
  async decompress(bytes) {
    if (!bytes.subarray(0, xerial.length).equals(xerial)) return unsnap(bytes);
    const parts: Buffer[] = [];
    for (let at = xerialHead; at + 4 <= bytes.length; ) {
      const length = bytes.readUInt32BE(at);
      parts.push(await unsnap(bytes.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    return Buffer.concat(parts);
  },
};

const unsnap = async (bytes: Buffer): Promise<Buffer> =>
  (await snappy.uncompress(bytes, { asBuffer: true })) as Buffer;

const lz4Codec: Codec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (bytes) => decompressFrame(bytes),
};

const zstdCodec: Codec = {
  compress: () => Promise.reject(new Error('zstd is read, not written; use gzip')),
  decompress: async (bytes) => Buffer.from(decompress(bytes)),
};

/** Before the first connection. */
export function addCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => snappyCodec;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4Codec;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstdCodec;
}
