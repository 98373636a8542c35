// Invariants checked here:
// 1. What is written: sorted names, contiguous data that begins at a multiple of 8, `format: pt`. Golden
//    bytes.
// 2. The same tensors give the same bytes and the same hash, in whatever order they come.
// 3. Writing and reading gives every bit back. (With the Python library: safetensors-python.test.ts.)
// 4. F16 and BF16 are widened exactly.
// 5. A file is read only if every byte of data belongs to one tensor; the error names the file and the
//    tensor.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedTensor, Tensors } from '../../src/contract.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  hashTensors,
  openSafetensors,
} from '../../src/tensor/safetensors.ts';

const small: Tensors = new Map([
  ['b', { shape: [2], data: Float32Array.of(1, -2) }],
  ['a', { shape: [], data: Float32Array.of(0.5) }],
]);
const smallHeader =
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
  '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}';

/** A file with any header. */
function fileOf(header: unknown, data: Uint8Array): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const tensors = fc
  .dictionary(
    fc.string({ minLength: 1, maxLength: 12 }).filter((name) => name !== '__metadata__'),
    fc.array(fc.nat(3), { maxLength: 3 }).chain((shape) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return fc
        .array(fc.float({ noNaN: true }), { minLength: size, maxLength: size })
        .map((values): NamedTensor => ({ shape, data: Float32Array.from(values) }));
    }),
    { maxKeys: 6 },
  )
  .map((record) => new Map(Object.entries(record)));

describe('encodeSafetensors', () => {
  it('writes these bytes and no others', () => {
    expect(smallHeader.length).toBe(138);
    const expected = Buffer.concat([
      Buffer.from([144, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(smallHeader.padEnd(144, ' ')),
      Buffer.from([0, 0, 0, 0x3f]), // 0.5
      Buffer.from([0, 0, 0x80, 0x3f]), // 1
      Buffer.from([0, 0, 0, 0xc0]), // -2
    ]);
    expect(Buffer.from(encodeSafetensors(small)).equals(expected)).toBe(true);
  });

  it('keeps metadata beside format', () => {
    const file = openSafetensors(encodeSafetensors(small, { turn: '7' }));
    expect(file.metadata).toEqual({ format: 'pt', turn: '7' });
  });

  it('writes views of larger buffers', () => {
    const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const back = decodeSafetensors(encodeSafetensors(new Map([['x', { shape: [2], data: view }]])));
    expect([...back.get('x')!.data]).toEqual([1, 2]);
  });

  it('refuses a tensor whose data does not fit its shape', () => {
    const wrong = new Map([['w', { shape: [2, 2], data: new Float32Array(3) }]]);
    expect(() => encodeSafetensors(wrong)).toThrow('tensor w has 3 values for the shape [2, 2]');
  });

  it('gives every bit back, whatever the order and the place of the file in memory', () => {
    fc.assert(
      fc.property(tensors, fc.nat(7), (original, shift) => {
        const bytes = encodeSafetensors(original);
        expect(Buffer.from(encodeSafetensors(new Map([...original].reverse()))).equals(bytes)).toBe(true);
        const moved = new Uint8Array(bytes.length + shift);
        moved.set(bytes, shift);
        const back = decodeSafetensors(moved.subarray(shift));
        expect([...back.keys()].sort()).toEqual([...original.keys()].sort());
        for (const [name, { shape, data }] of original) {
          expect(back.get(name)!.shape).toEqual(shape);
          expect(Buffer.from(back.get(name)!.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
        }
        expect((8 + Number(Buffer.from(bytes).readBigUInt64LE())) % 8).toBe(0);
      }),
    );
  });
});

describe('hashTensors', () => {
  it('is SHA-256 over name and shape as JSON, line feed, data', () => {
    const canonical = Buffer.concat([
      Buffer.from('["a",[]]\n'),
      Buffer.from([0, 0, 0, 0x3f]),
      Buffer.from('["b",[2]]\n'),
      Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
    ]);
    expect(hashTensors(small)).toBe(createHash('sha256').update(canonical).digest('hex'));
  });

  it('sees names, shapes and every value, and no order', () => {
    const of = (name: string, shape: number[], ...values: number[]): string =>
      hashTensors(new Map([[name, { shape, data: Float32Array.from(values) }]]));
    const hashes = [of('a', [2], 1, 2), of('b', [2], 1, 2), of('a', [1, 2], 1, 2), of('a', [2], 1, 3)];
    expect(new Set([...hashes, of('a', [2], 0, 2), of('a', [2], -0, 2)]).size).toBe(6);
    fc.assert(fc.property(tensors, (t) => hashTensors(t) === hashTensors(new Map([...t].reverse()))));
  });
});

describe('openSafetensors', () => {
  const entry = (type: string, shape: number[], begin: number, end: number): object => ({
    dtype: type,
    shape,
    data_offsets: [begin, end],
  });

  it('reads one tensor from a source that is read piece by piece', () => {
    const bytes = encodeSafetensors(small);
    const reads: [number, number][] = [];
    const file = openSafetensors({
      bytes: bytes.length,
      read: (offset, length) => {
        reads.push([offset, length]);
        return bytes.subarray(offset, offset + length);
      },
    });
    expect(reads).toEqual([
      [0, 8],
      [8, 144],
    ]);
    expect([...file.readTensor('b').data]).toEqual([1, -2]);
    expect(reads.at(-1)).toEqual([156, 8]);
  });

  it('widens F16 and BF16 exactly', () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00, 0x3555);
    const f16 = fileOf({ h: entry('F16', [8], 0, 16) }, new Uint8Array(halves.buffer));
    const expected = [1, -2, 65504, 2 ** -24, -0, Infinity, NaN, 1365 / 4096];
    expect([...decodeSafetensors(f16).get('h')!.data]).toEqual(expected);
    const brains = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0xff80, 0x7fc0);
    const bf16 = fileOf({ b: entry('BF16', [5], 0, 10) }, new Uint8Array(brains.buffer));
    const values = [1, -3.140625, 2 ** -133, -Infinity, NaN].map(Math.fround);
    expect([...decodeSafetensors(bf16).get('b')!.data]).toEqual(values);
  });

  it('leaves integer tensors out, and refuses to read them as weights', () => {
    const ids = { ids: entry('I64', [1], 0, 8), w: entry('F32', [1], 8, 12) };
    const bytes = fileOf(ids, new Uint8Array(12));
    expect([...decodeSafetensors(bytes).keys()]).toEqual(['w']);
    expect(() => openSafetensors(bytes).readTensor('ids')).toThrow('tensor ids is I64');
  });

  const good = { w: entry('F32', [2], 0, 8) };
  const data = new Uint8Array(8);
  const bad: [string, Uint8Array, string][] = [
    ['too short', new Uint8Array(7), 'it has 7 bytes'],
    ['a huge header', fileOf('', data).fill(255, 0, 8), 'its header claims 18446744073709551615 bytes'],
    ['a header beyond the end', fileOf('{}', data).subarray(0, 9), 'but the file ends after 9'],
    ['no JSON', fileOf('{"w":', data), 'its header is not JSON'],
    ['no UTF-8', fileOf('{"w":1}', data).fill(0xff, 9, 11), 'its header is not JSON'],
    ['a list', fileOf('[]', data), 'not a JSON object'],
    ['an unknown type', fileOf({ w: entry('F31', [2], 0, 8) }, data), 'tensor w has the unknown type "F31"'],
    ['a type of objects', fileOf({ w: entry('toString', [2], 0, 8) }, data), 'unknown type "toString"'],
    ['no entry', fileOf({ w: 3 }, data), 'tensor w has the unknown type'],
    ['a negative size', fileOf({ w: entry('F32', [-2], 0, 8) }, data), 'tensor w has the shape [-2]'],
    [
      'broken offsets',
      fileOf({ w: entry('F32', [2], 0, 8.5) }, data),
      'tensor w has the data offsets [0,8.5]',
    ],
    ['offsets that do not fit', fileOf({ w: entry('F32', [3], 0, 8) }, data), 'has 8 bytes instead of 12'],
    [
      'a truncated file',
      fileOf(good, data.subarray(1)),
      'tensor w ends at 8, but the file has 7 bytes of data',
    ],
    ['bytes too many', fileOf(good, new Uint8Array(9)), '1 bytes after the last tensor belong to none'],
    [
      'a hole',
      fileOf({ ...good, v: entry('F32', [1], 12, 16) }, new Uint8Array(16)),
      'tensor v begins at 12, where the one before ends at 8',
    ],
    [
      'an overlap',
      fileOf({ ...good, v: entry('F32', [1], 4, 8) }, data),
      'tensor v begins at 4, where the one before ends at 8',
    ],
    ['bad metadata', fileOf({ __metadata__: { a: 1 }, ...good }, data), 'a value that is no string: a'],
  ];
  it.each(bad)('refuses %s', (_, bytes, message) => {
    const attempt = (): unknown => openSafetensors(bytes, 'student/model.safetensors');
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DAMAGED' }));
    expect(attempt).toThrow('student/model.safetensors: ');
  });

  it('names a tensor that is not there', () => {
    expect(() => openSafetensors(encodeSafetensors(small)).readTensor('c')).toThrow(
      'no tensor c among its 2',
    );
  });

  it('answers any bytes with tensors or MODEL_DAMAGED', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.json(), (noise, json) => {
        for (const bytes of [noise, fileOf(json, noise)])
          try {
            decodeSafetensors(bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: 'MODEL_DAMAGED' });
          }
      }),
    );
  });
});
