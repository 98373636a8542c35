// A TensorFlow graph as protobuf: https://github.com/tensorflow/tensorflow/tree/v2.20.0/tensorflow/core, the
// messages of framework/{node_def,attr_value,tensor,tensor_shape,graph,versions}.proto and
// protobuf/{meta_graph,saved_model}.proto. Only what our graphs need is written; nothing is read back.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Numbers of `enum DataType` (framework/types.proto). */
const dataTypes = { float32: 1, int32: 3, int64: 9, bool: 10 } as const;
export type DataType = keyof typeof dataTypes;

/** A value of `message AttrValue`, by the kind of the value. */
export type Attribute =
  | { readonly string: string }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly type: DataType }
  | { readonly shape: readonly number[] }
  | { readonly tensor: ConstantTensor };

export type Attributes = Readonly<Record<string, Attribute>>;

/** Row-major; no dimensions: a scalar. */
export interface ConstantTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/**
 * One operation. An input is `name` (its first output), `name:1` (its second) or `^name` (nothing of it, but
 * it has to run before).
 */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

/** The tag under which the graph is found in the SavedModel. */
export const servingTag = 'serve';

/** The GraphDef version that TensorFlow 2.20 writes: how the ops are to be understood. */
const producer = 2288;

/** A tensor by which a server feeds the graph or reads it; a size of -1 may be any. */
export interface ServingPort {
  readonly name: string;
  /** The output of a node. */
  readonly output: string;
  readonly type: DataType;
  readonly shape: readonly number[];
}

/** What a server calls: the signature `serving_default`. */
export interface Serving {
  readonly inputs: readonly ServingPort[];
  readonly outputs: readonly ServingPort[];
}

/** A SavedModel of one graph, without a variables directory: the content of its `saved_model.pb`. */
export function encodeSavedModel(nodes: readonly NodeDef[], serving: Serving | null = null): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(1); // saved_model_schema_version
  message(writer, 2, () => {
    // meta_info_def.tags, then graph_def
    message(writer, 1, () => writer.tag(4, WireType.LengthDelimited).string(servingTag));
    message(writer, 2, () => {
      for (const node of nodes) message(writer, 1, () => writeNode(writer, node));
      message(writer, 4, () => writer.tag(1, WireType.Varint).int32(producer)); // versions.producer
    });
    if (serving) writeServing(writer, serving);
  });
  return writer.finish();
}

/** An entry of `MetaGraphDef.signature_def`: its key, and a SignatureDef. */
function writeServing(writer: BinaryWriter, { inputs, outputs }: Serving): void {
  const ports = (field: number, entries: readonly ServingPort[]) => {
    for (const { name, output, type, shape } of entries) {
      message(writer, field, () => {
        writer.tag(1, WireType.LengthDelimited).string(name);
        message(writer, 2, () => {
          writer.tag(1, WireType.LengthDelimited).string(`${output}:0`);
          writer.tag(2, WireType.Varint).int32(dataTypes[type]);
          writeShape(writer, 3, shape);
        });
      });
    }
  };
  message(writer, 5, () => {
    writer.tag(1, WireType.LengthDelimited).string('serving_default');
    message(writer, 2, () => {
      ports(1, inputs);
      ports(2, outputs);
      writer.tag(3, WireType.LengthDelimited).string('tensorflow/serving/predict');
    });
  });
}

function writeNode(writer: BinaryWriter, node: NodeDef): void {
  writer.tag(1, WireType.LengthDelimited).string(node.name);
  writer.tag(2, WireType.LengthDelimited).string(node.op);
  for (const input of node.inputs) writer.tag(3, WireType.LengthDelimited).string(input);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => {
      writer.tag(1, WireType.LengthDelimited).string(name);
      message(writer, 2, () => writeAttribute(writer, value));
    });
  }
}

function writeAttribute(writer: BinaryWriter, value: Attribute): void {
  if ('string' in value) writer.tag(2, WireType.LengthDelimited).string(value.string);
  else if ('int' in value) writer.tag(3, WireType.Varint).int64(value.int);
  else if ('bool' in value) writer.tag(5, WireType.Varint).bool(value.bool);
  else if ('type' in value) writer.tag(6, WireType.Varint).int32(dataTypes[value.type]);
  else if ('shape' in value) writeShape(writer, 7, value.shape);
  else writeTensor(writer, 8, value.tensor);
}

function writeTensor(writer: BinaryWriter, field: number, { shape, data }: ConstantTensor): void {
  message(writer, field, () => {
    writer.tag(1, WireType.Varint).int32(dataTypes[dataTypeOf(data)]);
    writeShape(writer, 2, shape);
    // Little-endian, as every machine that TensorFlow runs on.
    writer
      .tag(4, WireType.LengthDelimited)
      .bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}

/** -1 is an unknown size. */
function writeShape(writer: BinaryWriter, field: number, shape: readonly number[]): void {
  message(writer, field, () => {
    for (const size of shape) message(writer, 2, () => writer.tag(1, WireType.Varint).int64(size));
  });
}

function message(writer: BinaryWriter, field: number, body: () => unknown): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}

export const dataTypeOf = (data: Float32Array | Int32Array): DataType =>
  data instanceof Float32Array ? 'float32' : 'int32';

/** `enum DataType` by our name, as the native binding wants it. */
export const dataTypeNumber = (type: DataType): number => dataTypes[type];
