// What an ONNX file says about itself, without its weights: inputs, outputs, operator set, metadata.
import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire';
import { RestillError } from '../errors.ts';
import { type OnnxPort, type OnnxType, onnxTypes } from './onnx-model.ts';

export interface OnnxHeader {
  readonly opset: number;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws RestillError `MODEL_DAMAGED` for bytes that are no ONNX model. */
export function readOnnx(bytes: Uint8Array): OnnxHeader {
  try {
    const inputs: OnnxPort[] = [];
    const outputs: OnnxPort[] = [];
    const metadata: Record<string, string> = {};
    let opset = 0;
    fields(bytes, {
      7: (graph) =>
        fields(graph.bytes(), {
          11: (port) => inputs.push(readPort(port.bytes())),
          12: (port) => outputs.push(readPort(port.bytes())),
        }),
      8: (set) => fields(set.bytes(), { 2: (version) => (opset = Number(version.int64())) }),
      14: (entry) => {
        const [key, value] = strings(entry.bytes());
        metadata[key] = value;
      },
    });
    if (opset === 0) throw new Error('it names no operator set');
    return { opset, inputs, outputs, metadata };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RestillError('MODEL_DAMAGED', `this is no ONNX model (${reason}); export it again`, { cause });
  }
}

type Readers = Readonly<Record<number, (reader: BinaryReader) => unknown>>;

/** Reads the fields of a message that are asked for and skips the others. */
function fields(bytes: Uint8Array, readers: Readers): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType]: [number, WireType] = reader.tag();
    if (readers[field]) readers[field](reader);
    else reader.skip(wireType, field);
  }
}

function strings(bytes: Uint8Array): [key: string, value: string] {
  let [key, value] = ['', ''];
  fields(bytes, { 1: (text) => (key = text.string()), 2: (text) => (value = text.string()) });
  return [key, value];
}

function readPort(bytes: Uint8Array): OnnxPort {
  let name = '';
  let type: OnnxType | undefined;
  const shape: (number | string)[] = [];
  const dimension: Readers = {
    1: (size) => shape.push(Number(size.int64())),
    2: (size) => shape.push(size.string()),
  };
  const tensor: Readers = {
    1: (number) => (type = typeOf(number.int32())),
    2: (dims) => fields(dims.bytes(), { 1: (size) => fields(size.bytes(), dimension) }),
  };
  fields(bytes, {
    1: (text) => (name = text.string()),
    2: (value) => fields(value.bytes(), { 1: (kind) => fields(kind.bytes(), tensor) }),
  });
  if (type === undefined) throw new Error(`the port ${name} has a type that restill never writes`);
  return { name, type, shape };
}

const typeOf = (number: number): OnnxType | undefined =>
  (Object.keys(onnxTypes) as OnnxType[]).find((name) => onnxTypes[name] === number);
