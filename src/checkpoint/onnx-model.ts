// An ONNX model as protobuf: https://github.com/onnx/onnx/blob/v1.23.0/onnx/onnx.proto, the messages
// ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto and ValueInfoProto. Only what our graphs
// need is written.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { RestillError } from '../errors.ts';

/** Numbers of `enum TensorProto.DataType`. */
export const onnxTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
export type OnnxType = keyof typeof onnxTypes;

/** A constant, row-major; no dimensions: a scalar. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | BigInt64Array;
}

/** A value of `message AttributeProto`, by its kind. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] };

export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

/** What goes into a graph or comes out of it. A size that is a name may be any. */
export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  /** Version of the operators of the default domain. */
  readonly opset: number;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Each after the ones it takes from. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  /** For whoever asks where the file comes from. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Of ONNX 1.12: what any onnxruntime of the last years reads, and enough for opset 17. */
const irVersion = 8;
/** Protobuf's own bound on a message. */
const bytesMax = 2 ** 31 - 1;

/**
 * The bytes of a `.onnx` file, all weights inside.
 *
 * @throws RestillError `MODEL_UNSUPPORTED` if they would be more than protobuf can hold.
 */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const weights = model.constants.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (weights > bytesMax)
    throw new RestillError(
      'MODEL_UNSUPPORTED',
      `the weights have ${weights} bytes, and an ONNX file holds ${bytesMax}; export the model --to hf`,
    );
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(irVersion);
  text(writer, 2, 'restill');
  message(writer, 7, () => writeGraph(writer, model));
  message(writer, 8, () => writer.tag(2, WireType.Varint).int64(model.opset)); // of the default domain
  for (const [key, value] of Object.entries(model.metadata)) {
    message(writer, 14, () => {
      text(writer, 1, key);
      text(writer, 2, value);
    });
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, { inputs, outputs, nodes, constants }: OnnxModel): void {
  for (const node of nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, 'student');
  for (const constant of constants) message(writer, 5, () => writeTensor(writer, constant));
  for (const input of inputs) message(writer, 11, () => writePort(writer, input));
  for (const output of outputs) message(writer, 12, () => writePort(writer, output));
}

function writeNode(writer: BinaryWriter, { op, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) text(writer, 1, input);
  for (const output of outputs) text(writer, 2, output);
  text(writer, 3, `node/${outputs[0]}`);
  text(writer, 4, op);
  for (const [name, value] of Object.entries(attributes)) {
    message(writer, 5, () => {
      text(writer, 1, name);
      writeAttribute(writer, value);
    });
  }
}

/** The value, and its kind in `type`, number 20. */
function writeAttribute(writer: BinaryWriter, value: OnnxAttribute): void {
  const kind = (number: number) => writer.tag(20, WireType.Varint).int32(number);
  if ('float' in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    kind(1);
  } else if ('int' in value) {
    writer.tag(3, WireType.Varint).int64(value.int);
    kind(2);
  } else {
    for (const int of value.ints) writer.tag(8, WireType.Varint).int64(int);
    kind(7);
  }
}

function writeTensor(writer: BinaryWriter, { name, shape, data }: OnnxTensor): void {
  for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(onnxTypes[typeOf(data)]);
  text(writer, 8, name);
  // raw_data is little-endian, as every machine that we run on.
  writer
    .tag(9, WireType.LengthDelimited)
    .bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writePort(writer: BinaryWriter, { name, type, shape }: OnnxPort): void {
  text(writer, 1, name);
  const dimension = (size: number | string) =>
    typeof size === 'number' ? writer.tag(1, WireType.Varint).int64(size) : text(writer, 2, size);
  message(writer, 2, () => {
    message(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(onnxTypes[type]);
      message(writer, 2, () => {
        for (const size of shape) message(writer, 1, () => dimension(size));
      });
    });
  });
}

function typeOf(data: OnnxTensor['data']): OnnxType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int8Array) return 'int8';
  return data instanceof Uint8Array ? 'uint8' : 'int64';
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);

function message(writer: BinaryWriter, field: number, body: () => unknown): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}
