// The safetensors package of Python as the other side. Invariants checked here:
// 1. It reads what is written here, bit by bit, and writes the same bytes again.
// 2. What it writes is read here: float32 bit by bit; float16 and bfloat16 widened exactly, for every one of
//    their 65,536 bit patterns; the names of its other types are known.
import { describe, expect, it } from 'vitest';
import type { Tensors } from '../../src/contract.ts';
import { decodeSafetensors, encodeSafetensors, openSafetensors } from '../../src/tensor/safetensors.ts';
import { pythonWith, runPython } from '../support/python.ts';

const python = pythonWith('safetensors', 'numpy', 'torch');

/** One process for all: importing torch takes seconds. */
const program = `
import io, json, struct, sys
import numpy, torch
from safetensors.numpy import load, save
from safetensors.torch import save as save_torch
given = sys.stdin.buffer.read()
tensors = load(given)
every = torch.arange(65536, dtype=torch.int32).to(torch.uint16)
half, brain = (every.clone().view(t) for t in (torch.float16, torch.bfloat16))
halves = save_torch(dict(
    f16=half, bf16=brain, scalar=torch.tensor(1.5, dtype=torch.bfloat16),
    matrix=half[15360:15366].clone().reshape(2, 3),
    empty=torch.zeros(0, 3, dtype=torch.float16), ids=torch.arange(3)))
wide = save(dict(f16=half.float().numpy(), bf16=brain.float().numpy()))
small = [torch.float8_e4m3fn, torch.float8_e5m2]
others = save_torch({str(t): torch.zeros(2, dtype=t) for t in [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float64, *small]})
bits = {k: [list(v.shape), v.view('<u4').flatten().tolist()] for k, v in sorted(tensors.items())}
said = json.dumps(bits).encode()
for part in said, save(tensors, {'format': 'pt'}), halves, wide, others:
    sys.stdout.buffer.write(struct.pack('<Q', len(part)) + part)`;

/** Values that are easy to get wrong, and names that have to be escaped. */
const ours: Tensors = new Map([
  ['zeros', { shape: [2], data: Float32Array.of(0, -0) }],
  ['edges', { shape: [2, 2], data: Float32Array.of(2 ** -149, -3.4028234663852886e38, Infinity, NaN) }],
  ['a scalar "\u00e9\u{1f600}"', { shape: [], data: Float32Array.of(1 / 3) }],
  ['nothing', { shape: [0, 4], data: new Float32Array(0) }],
]);
const bitsOf = (data: Float32Array): number[] => [...new Uint32Array(data.slice().buffer)];

/** Parts with their length before them. */
function split(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + Number(bytes.readBigUInt64LE(at));
    parts.push(bytes.subarray(at + 8, end));
    at = end;
  }
  return parts;
}

describe.runIf(python)('with Python', () => {
  const encoded = encodeSafetensors(ours);
  const [said, again, halves, wide, others] = python
    ? split(runPython(python, ['-c', program], { input: encoded }))
    : [];

  it('it reads ours, and writes the same bytes (1)', () => {
    const expected = [...ours].map(([name, { shape, data }]) => [name, [shape, bitsOf(data)]]);
    expect(JSON.parse(said!.toString())).toEqual(Object.fromEntries(expected));
    expect(Buffer.compare(again!, encoded)).toBe(0);
  });

  it('every float16 and bfloat16 is widened as it widens them (2)', () => {
    const narrow = decodeSafetensors(halves!);
    const expected = decodeSafetensors(wide!);
    for (const name of ['f16', 'bf16']) {
      const [got, want] = [narrow.get(name)!.data, expected.get(name)!.data];
      expect(got.length).toBe(65_536);
      // One NaN is as good as another.
      const differing = [...got.keys()].filter((i) => !Object.is(got[i], want[i]));
      expect(differing).toEqual([]);
    }
    expect([...narrow.keys()].sort()).toEqual(['bf16', 'empty', 'f16', 'matrix', 'scalar']);
    expect(narrow.get('scalar')).toEqual({ shape: [], data: Float32Array.of(1.5) });
    expect(narrow.get('matrix')!.shape).toEqual([2, 3]);
    expect(narrow.get('matrix')!.data[1]).toBe(1 + 2 ** -10);
    expect(narrow.get('empty')).toEqual({ shape: [0, 3], data: new Float32Array(0) });
  });

  it('its other types are known by name (2)', () => {
    const { entries } = openSafetensors(others!);
    expect(entries.size).toBe(9);
  });
});
