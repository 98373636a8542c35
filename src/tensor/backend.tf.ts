// Starts native TensorFlow: threads, determinism, the shims that newer Nodes need, and typed access to its
// binding.
//
// Invariants:
// 1. Settings reach the native library before it loads, and never change afterwards: threads and oneDNN
//    change the bits of results.
// 2. The backend is the native one, or there is none: no fallback to a slower one.
import { createRequire } from 'node:module';
import { RestillError } from '../errors.ts';

const require = createRequire(import.meta.url);

export type Tf = typeof import('@tensorflow/tfjs-node-gpu');

export interface BackendSettings {
  /** Threads of one operation, and operations at a time. */
  readonly threads: number;
  /** Whether oneDNN kernels are used: faster or slower, depending on the CPU. */
  readonly oneDnn: boolean;
}

/** A tensor in native memory. `dtype` is one of the binding's `TF_` numbers. */
export interface NativeTensor {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface NativeAttribute {
  readonly name: string;
  /** One of the binding's `TF_ATTR_` numbers. */
  readonly type: number;
  readonly value: boolean | number | string | number[] | object;
}

type NativeData = Float32Array | Int32Array | Uint8Array;

/** The part of the addon that we call. All of it throws plain errors: see `mapNativeError`. */
export interface NativeBinding {
  /** The tensor's memory is the array's: neither may change while the other is in use. */
  createTensor(shape: readonly number[], dtype: number, data: NativeData): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): NativeData;
  /** Ids of the outputs become the caller's, who deletes them. */
  executeOp(
    op: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): NativeTensor[];
  /** @param tags separated by commas. */
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(model: number): void;
  /** @param inputNames and outputNames as `node:index`, separated by commas. */
  runSavedModel(
    model: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): NativeTensor[];
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
}

export interface Backend {
  /** The eager library: the reference that compiled steps are tested against. */
  readonly tf: Tf;
  readonly binding: NativeBinding;
  /** Of TensorFlow, for example `2.20.0`. */
  readonly version: string;
  readonly settings: BackendSettings;
  /** Tensors in native memory, eager ones included. Flat over steps, or something leaks. */
  tensorCount(): number;
}

let started: { settings: BackendSettings; backend: Promise<Backend> } | null = null;

/**
 * Loads native TensorFlow into this process; a second call with the same settings returns the same backend.
 *
 * @throws RestillError `BACKEND_MISSING` if the addon or the library is not there, or is not what was loaded.
 * @throws RestillError `BACKEND_FAILED` if it was started with other settings before.
 */
export function startBackend(settings: BackendSettings): Promise<Backend> {
  if (started === null) started = { settings, backend: load(settings) };
  const before = started.settings;
  if (before.threads === settings.threads && before.oneDnn === settings.oneDnn) return started.backend;
  return Promise.reject(
    new RestillError(
      'BACKEND_FAILED',
      `TensorFlow runs with ${describe(before)}, not with ${describe(settings)}: ` +
        'its settings are fixed for a process; start another one',
    ),
  );
}

/**
 * A native failure in our words: the first line of its message and what was being done, for example
 * `running the function train`. A RestillError stays what it is.
 */
export function mapNativeError(error: unknown, doing: string): RestillError {
  if (error instanceof RestillError) return error;
  return new RestillError('BACKEND_FAILED', `TensorFlow failed ${doing}: ${firstLine(error)}`, {
    cause: error,
  });
}

async function load(settings: BackendSettings): Promise<Backend> {
  setEnvironment(settings);
  restoreUtilFunctions();
  const tf = requireQuietly();
  if (tf.getBackend() !== 'tensorflow')
    throw new RestillError(
      'BACKEND_MISSING',
      `the backend is "${tf.getBackend()}", not native TensorFlow; run: npm run setup`,
    );
  const { binding } = tf.backend() as unknown as { binding: NativeBinding };
  return {
    tf,
    binding,
    version: binding.TF_Version,
    settings,
    tensorCount: () => binding.getNumOfTensors(),
  };
}

function setEnvironment({ threads, oneDnn }: BackendSettings): void {
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = String(threads);
  process.env.TF_ENABLE_ONEDNN_OPTS = oneDnn ? '1' : '0';
  process.env.TF_DETERMINISTIC_OPS = '1';
  // Its notes on the CPU and on threads would be taken for ours. Errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
}

/** Node 23 dropped two functions of node:util that tfjs-node 4.22.0 calls in its kernels. */
function restoreUtilFunctions(): void {
  const util = require('node:util') as {
    isNullOrUndefined?: (value: unknown) => boolean;
    isArray?: (value: unknown) => boolean;
  };
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/**
 * Loads the package without the deprecation warnings of its dependencies (punycode, url.parse). By
 * `require`: what `import` makes of a CommonJS module differs between Node and the loader used in
 * development.
 */
function requireQuietly(): Tf {
  const { noDeprecation } = process as { noDeprecation?: boolean };
  Object.assign(process, { noDeprecation: true });
  try {
    return require('@tensorflow/tfjs-node-gpu') as Tf;
  } catch (error) {
    throw new RestillError(
      'BACKEND_MISSING',
      `native TensorFlow cannot be loaded: ${firstLine(error)}; run: npm run setup`,
      { cause: error },
    );
  } finally {
    Object.assign(process, { noDeprecation });
  }
}

const describe = ({ threads, oneDnn }: BackendSettings): string =>
  `${threads} thread(s) and oneDNN ${oneDnn ? 'on' : 'off'}`;

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').replace(/^Session fail to run with error: /, '').trim();
}
