// Fast non-cryptographic hashing (xxHash64 by Yann Collet, as WebAssembly). Checksums of published files use
// SHA-256.
import xxhash from 'xxhash-wasm';

const { h64ToString, h32 } = await xxhash();

/** 64 bits as 16 hexadecimal digits. */
export const hashHex = (text: string, seed = 0): string => h64ToString(text, BigInt(seed));

/** 32 bits as an unsigned integer. */
export const hash32 = (text: string, seed = 0): number => h32(text, seed);

/** Uniform in [0, 1): for membership by seeded hash (holdout, bottom-k). */
export const hashUnit = (text: string, seed: number): number => hash32(text, seed) / 4294967296;
