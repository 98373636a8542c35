// Invariants checked here:
// 1. However tensors are spread over files, they are read as from one file (property).
// 2. A tensor that is in no file, in another one than the index says, or missing from the index, is named;
//    so is an index that is none, and one that reaches out of its directory.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedTensor } from '../../src/contract.ts';
import { encodeSafetensors, openSafetensors } from '../../src/tensor/safetensors.ts';
import { openSharded } from '../../src/tensor/sharded.ts';

const tensor = (value: number): NamedTensor => ({ shape: [1], data: Float32Array.of(value) });
type Files = Readonly<Record<string, Readonly<Record<string, NamedTensor>>>>;

const opened = (index: unknown, files: Files) =>
  openSharded(typeof index === 'string' ? index : JSON.stringify(index), (name) =>
    openSafetensors(encodeSafetensors(new Map(Object.entries(files[name] ?? {}))), name),
  );

describe('openSharded', () => {
  it('reads them as one file', () => {
    const spread = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(spread, (shards) => {
        const files: Record<string, Record<string, NamedTensor>> = {};
        const places = shards.map((shard, i) => [`t${i}`, `model-${shard}.safetensors`] as const);
        places.forEach(([name, file], i) => {
          files[file] = { ...files[file], [name]: tensor(i) };
        });
        const file = opened({ weight_map: Object.fromEntries(places) }, files);
        expect([...file.entries.keys()].sort()).toEqual(places.map(([name]) => name).sort());
        places.forEach(([name], i) => {
          expect([...file.readTensor(name).data]).toEqual([i]);
        });
      }),
    );
  });

  it('names a tensor that nobody has', () => {
    const file = opened({ weight_map: { a: 'x.safetensors' } }, { 'x.safetensors': { a: tensor(1) } });
    expect(() => file.readTensor('b')).toThrow('there is no tensor b among its 1');
  });

  const two: Files = { 'x.safetensors': { a: tensor(1) }, 'y.safetensors': { b: tensor(2) } };
  const map = { a: 'x.safetensors', b: 'y.safetensors' };
  const bad: [string, unknown, Files, string][] = [
    ['no JSON', '{', two, 'it is not JSON'],
    ['no map', { metadata: {} }, two, 'it has no weight_map'],
    ['a list', { weight_map: ['a'] }, two, 'it has no weight_map'],
    ['a file elsewhere', { weight_map: { a: '../x.safetensors' } }, two, 'tensor a is in "../x.safetensors"'],
    ['another format', { weight_map: { a: 'x.bin' } }, two, 'tensor a is in "x.bin"'],
    ['no name', { weight_map: { a: 3 } }, two, 'tensor a is in 3'],
    [
      'a missing tensor',
      { weight_map: { ...map, c: 'y.safetensors' } },
      two,
      'tensor c is not in y.safetensors',
    ],
    [
      'a tensor not in the index',
      { weight_map: map },
      { ...two, 'y.safetensors': { b: tensor(2), c: tensor(3) } },
      'y.safetensors has tensor c, which the index has nowhere',
    ],
    [
      'a tensor in two files',
      { weight_map: map },
      { ...two, 'y.safetensors': { b: tensor(2), a: tensor(3) } },
      'y.safetensors has tensor a, which the index has in x.safetensors',
    ],
  ];
  it.each(bad)('refuses %s', (_, index, files, message) => {
    const attempt = (): unknown => opened(index, files);
    expect(attempt).toThrow(`model.safetensors.index.json: ${message}`);
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_DAMAGED' }));
  });
});
