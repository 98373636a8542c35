// The safetensors file format: u64 header length, JSON header, then the data of all tensors without gaps.
// https://github.com/huggingface/safetensors (format section of the README)
//
// Invariants:
// 1. What is written has sorted names, contiguous float32 data that begins at a multiple of 8, and the
//    metadata `format: pt`, without which transformers refuses a file.
// 2. The same tensors give the same bytes, in whatever order they come.
// 3. A file is read only if every byte of its data belongs to exactly one tensor, of known type and fitting
//    shape.
//
// Numbers are little-endian, as on every machine that TensorFlow runs on.
import { createHash } from 'node:crypto';
import type { NamedTensor, Tensors } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';

/** Bytes at a place: a whole file in memory, or a file that is read piece by piece. */
export interface ByteSource {
  /** Size of the whole. */
  readonly bytes: number;
  /** Exactly `length` bytes from `offset` on. */
  read(offset: number, length: number): Uint8Array;
}

export interface TensorEntry {
  /** As the header has it: `F32`, `BF16`, `I64`, ... */
  readonly type: string;
  readonly shape: readonly number[];
  /** The data's place, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** A checked header; data is read when asked for. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * One tensor, as float32; F16 and BF16 are widened, which loses nothing.
   *
   * @throws RestillError `MODEL_DAMAGED` if there is no tensor of that name.
   * @throws RestillError `MODEL_UNSUPPORTED` if its type is none of F32, F16, BF16.
   */
  readTensor(name: string): NamedTensor;
}

/** The bound of huggingface.js; the Rust library allows 100 MB. A header has about 100 bytes per tensor. */
const headerBytesMax = 25_000_000;
const lengthBytes = 8;
const alignment = 8;

/** Bytes of one element. */
const widths: ReadonlyMap<unknown, number> = new Map(
  Object.entries({
    ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
    ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
  }),
);

// ---------------------------------------------------------------- writing

/** A complete file. `metadata` is kept beside `format: pt`. */
export function encodeSafetensors(
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = sortByName(tensors);
  const fields = [`"__metadata__":${JSON.stringify({ format: 'pt', ...metadata })}`];
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    assert(name !== '__metadata__', 'a tensor is called __metadata__, which safetensors keeps for itself');
    const begin = end;
    end += data.byteLength;
    const entry = { dtype: 'F32', shape, data_offsets: [begin, end] };
    // One by one: an object would put a tensor called "10" before all others.
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  }
  const json = Buffer.from(`{${fields.join(',')}}`);
  const header = Math.ceil(json.length / alignment) * alignment;
  const file = new Uint8Array(lengthBytes + header + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(header), true);
  file.set(json, lengthBytes);
  file.fill(0x20, lengthBytes + json.length, lengthBytes + header);
  let at = lengthBytes + header;
  for (const [, { data }] of sorted) {
    file.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * SHA-256, hex, over the tensors sorted by name. The canonical form of one tensor is its name and shape as
 * JSON, `["name",[2,3]]`, a line feed, and its float32 data as little-endian bytes, row by row.
 */
export function hashTensors(tensors: Tensors): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of sortByName(tensors))
    hash.update(`${JSON.stringify([name, shape])}\n`).update(bytesOf(data));
  return hash.digest('hex');
}

/** Sorted by the bytes of the names in UTF-8, as the Rust library does. */
function sortByName(tensors: Tensors): [string, NamedTensor][] {
  for (const [name, { shape, data }] of tensors)
    assert(
      data.length === elements(shape),
      `tensor ${name} has ${data.length} values for the shape [${shape.join(', ')}]`,
    );
  return [...tensors].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

// ---------------------------------------------------------------- reading

/**
 * Every tensor of a floating type. Integer tensors, such as the `position_ids` that old BERT files carry,
 * hold no weights and are left out.
 *
 * @throws RestillError `MODEL_DAMAGED` naming what does not fit, `MODEL_UNSUPPORTED` for F64 and F8.
 */
export function decodeSafetensors(bytes: Uint8Array, file?: string): Tensors {
  const opened = openSafetensors(bytes, file);
  const floating = [...opened.entries].filter(([, { type }]) => type.startsWith('F') || type === 'BF16');
  return new Map(floating.map(([name]) => [name, opened.readTensor(name)]));
}

/**
 * Reads and checks the header.
 *
 * @param file for error messages.
 * @throws RestillError `MODEL_DAMAGED` naming the tensor and what does not fit.
 */
export function openSafetensors(from: Uint8Array | ByteSource, file = 'model.safetensors'): SafetensorsFile {
  const source = from instanceof Uint8Array ? inMemory(from) : from;
  const damaged = (what: string, cause?: unknown): RestillError =>
    new RestillError('MODEL_DAMAGED', `${file}: ${what}; fetch or export it again`, { cause });
  const headerBytes = readHeaderLength(source, damaged);
  const header = parseHeader(source.read(lengthBytes, headerBytes), damaged);
  const { __metadata__: metadata = {}, ...rest } = header;
  const entries = new Map(
    Object.entries(rest).map(([name, json]) => [name, parseEntry(name, json, damaged)]),
  );
  const dataBegin = lengthBytes + headerBytes;
  checkCoverage(entries, source.bytes - dataBegin, damaged);
  return {
    metadata: parseMetadata(metadata, damaged),
    entries,
    readTensor: (name) => {
      const entry = entries.get(name);
      if (entry === undefined) throw damaged(`there is no tensor ${name} among its ${entries.size}`);
      const bytes = source.read(dataBegin + entry.begin, entry.end - entry.begin);
      return { shape: entry.shape, data: toFloat32(bytes, entry.type, `${file}: tensor ${name}`) };
    },
  };
}

type Damaged = (what: string, cause?: unknown) => RestillError;

const inMemory = (bytes: Uint8Array): ByteSource => ({
  bytes: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

function readHeaderLength(source: ByteSource, damaged: Damaged): number {
  if (source.bytes < lengthBytes) throw damaged(`it has ${source.bytes} bytes, too few for a header`);
  const first = source.read(0, lengthBytes);
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > headerBytesMax)
    throw damaged(`its header claims ${length} bytes; at most ${headerBytesMax} are read`);
  if (lengthBytes + Number(length) > source.bytes)
    throw damaged(`its header claims ${length} bytes, but the file ends after ${source.bytes}`);
  return Number(length);
}

function parseHeader(bytes: Uint8Array, damaged: Damaged): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged('its header is not JSON', error);
  }
  if (!isRecord(header)) throw damaged('its header is not a JSON object');
  return header;
}

function parseMetadata(metadata: unknown, damaged: Damaged): Record<string, string> {
  if (!isRecord(metadata)) throw damaged('its __metadata__ is not a JSON object');
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => {
      if (typeof value !== 'string') throw damaged(`its __metadata__ has a value that is no string: ${key}`);
      return [key, value];
    }),
  );
}

function parseEntry(name: string, json: unknown, damaged: Damaged): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(json) ? json : {};
  const width = widths.get(dtype);
  if (typeof dtype !== 'string' || width === undefined)
    throw damaged(`tensor ${name} has the unknown type ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) throw damaged(`tensor ${name} has the shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw damaged(`tensor ${name} has the data offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets as [number, number];
  const expected = elements(shape) * width;
  if (end - begin !== expected)
    throw damaged(
      `tensor ${name}, ${dtype} [${shape.join(', ')}], has ${end - begin} bytes instead of ${expected}`,
    );
  return { type: dtype, shape, begin, end };
}

/** In the order of the file, each tensor must begin where the one before has ended. */
function checkCoverage(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number, damaged: Damaged): void {
  let at = 0;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== at) throw damaged(`tensor ${name} begins at ${begin}, where the one before ends at ${at}`);
    if (end > dataBytes)
      throw damaged(`tensor ${name} ends at ${end}, but the file has ${dataBytes} bytes of data`);
    at = end;
  }
  if (at !== dataBytes) throw damaged(`${dataBytes - at} bytes after the last tensor belong to none`);
}

// ---------------------------------------------------------------- numbers

function toFloat32(bytes: Uint8Array, type: string, what: string): Float32Array {
  if (type === 'F32') return new Float32Array(aligned(bytes));
  if (type === 'BF16') return widenBrain(new Uint16Array(aligned(bytes)));
  if (type === 'F16') return widenHalf(new Uint16Array(aligned(bytes)));
  throw new RestillError('MODEL_UNSUPPORTED', `${what} is ${type}; restill reads F32, F16 and BF16`);
}

/** A copy at a place of its own: a typed array cannot begin at an odd byte. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

/** bfloat16 is the upper half of a float32. */
function widenBrain(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = values[i]! << 16;
  return new Float32Array(bits.buffer);
}

function widenHalf(values: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 65_536 }, (_, half) => halfToNumber(half));
  const wide = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) wide[i] = halfTable[values[i]!]!;
  return wide;
}

/** Every float16 there is, made when first needed. */
let halfTable: Float32Array | null = null;

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const bytesOf = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
