// Checks:
// 1. A graph's bytes are those that protobuf prescribes for the SavedModel messages (golden bytes, by hand).
// 2. Unknown sizes and the control input `^name` survive; constants are little-endian.
import { describe, expect, test } from 'vitest';
import { encodeSavedModel, type NodeDef } from '../../src/tensor/graph-def.ts';

const text = (value: string): number[] => [...Buffer.from(value)];
/** Field number and wire type 2, length, content. */
const field = (number: number, ...content: number[]): number[] => [
  (number << 3) | 2,
  content.length,
  ...content,
];
/** Field number and wire type 0, one byte. */
const varint = (number: number, value: number): number[] => [number << 3, value];

/** The SavedModel around the bytes of the nodes. Producer 2288 = 17 * 128 + 112. */
const savedModel = (...nodes: number[][]): number[] => {
  const graph = [
    ...nodes.flatMap((node) => field(1, ...node)),
    ...field(4, 1 << 3, 0x80 | 112, 17), // versions.producer
  ];
  return [...varint(1, 1), ...field(2, ...field(1, ...field(4, ...text('serve'))), ...field(2, ...graph))];
};

const attribute = (name: string, ...value: number[]): number[] =>
  field(5, ...field(1, ...text(name)), ...field(2, ...value));

describe('encodeSavedModel', () => {
  test('an empty graph', () => {
    expect([...encodeSavedModel([])]).toEqual(savedModel());
  });

  test('a constant: type, shape, little-endian content', () => {
    const node: NodeDef = {
      name: 'c',
      op: 'Const',
      inputs: [],
      attributes: {
        dtype: { type: 'float32' },
        value: { tensor: { shape: [2, 1], data: Float32Array.of(1, -2) } },
      },
    };
    const shape = field(2, ...field(2, ...varint(1, 2)), ...field(2, ...varint(1, 1)));
    const content = field(4, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
    expect([...encodeSavedModel([node])]).toEqual(
      savedModel([
        ...field(1, ...text('c')),
        ...field(2, ...text('Const')),
        ...attribute('dtype', ...varint(6, 1)),
        ...attribute('value', ...field(8, ...varint(1, 1), ...shape, ...content)),
      ]),
    );
  });

  test('an op: inputs, a control input, text, number, flag and a shape with an unknown size', () => {
    const node: NodeDef = {
      name: 'n',
      op: 'Op',
      inputs: ['a:1', '^b'],
      attributes: {
        message: { string: 'hi' },
        count: { int: 3 },
        flag: { bool: true },
        shape: { shape: [-1] },
      },
    };
    const minusOne = [1 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]; // -1 as a 64-bit varint
    expect([...encodeSavedModel([node])]).toEqual(
      savedModel([
        ...field(1, ...text('n')),
        ...field(2, ...text('Op')),
        ...field(3, ...text('a:1')),
        ...field(3, ...text('^b')),
        ...attribute('message', ...field(2, ...text('hi'))),
        ...attribute('count', ...varint(3, 3)),
        ...attribute('flag', ...varint(5, 1)),
        ...attribute('shape', ...field(7, ...field(2, ...minusOne))),
      ]),
    );
  });
});
