// A graph loaded into native TensorFlow. Its variables live here, from run to run, until it is disposed.
//
// Invariants:
// 1. No native tensor outlives the call that made it, whatever fails.
// 2. A run is checked before it starts (feeds.ts), and one that fails changes no variable (optimizer.ts).
// 3. Values cross the border as copies, in both directions.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensors } from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { type Backend, mapNativeError, type NativeBinding } from './backend.tf.ts';
import { checkFeeds } from './feeds.ts';
import { accessOf, type Graph, type Variable } from './graph.ts';
import { dataTypeNumber, dataTypeOf, servingTag } from './graph-def.ts';
import { nonFiniteMark } from './optimizer.ts';
import type { FeedValue } from './packing.ts';
import { elements } from './parameters.ts';

export interface Session {
  /**
   * Runs a function of the graph and returns what it hands out, row-major.
   *
   * @throws RestillError `SHAPE_MISMATCH` if a feed does not fit.
   * @throws RestillError `NON_FINITE` if a loss or gradient is not finite; nothing has changed then.
   * @throws RestillError `BACKEND_FAILED` if TensorFlow refuses (an id out of range); nothing has changed.
   */
  run(name: string, feeds: Readonly<Record<string, FeedValue>>): Record<string, Float32Array>;
  /** Names of all variables. */
  readonly variables: readonly string[];
  /** Values of the variables named, of all by default. */
  get(names?: readonly string[]): Tensors;
  /**
   * Sets exactly the variables named, all by default. Until set, moments are zero; parameters have no value.
   *
   * @throws RestillError `SHAPE_MISMATCH` naming tensors that are missing, unknown or of the wrong shape.
   */
  set(tensors: Tensors, names?: readonly string[]): void;
  /** Frees the session and its variables. A second call does nothing; other use afterwards is an error. */
  dispose(): void;
}

/** @throws RestillError `BACKEND_FAILED` if TensorFlow refuses the graph. */
export function openSession(backend: Backend, graph: Graph): Session {
  const { binding } = backend;
  const { variables, functions } = graph;
  const model = load(binding, graph);
  const unset = new Set([...variables.values()].filter((v) => !v.startsAtZero).map((v) => v.name));
  let open = true;

  const execute = (doing: string, feeds: readonly Fed[], fetches: readonly string[]): Float32Array[] => {
    assert(open, `a session is used for ${doing} after it was disposed`);
    return execution(binding, model, doing, feeds, fetches);
  };
  const variable = (name: string): Variable => {
    const found = variables.get(name);
    assert(found !== undefined, `the graph has no variable called ${name}`);
    return found;
  };

  const session: Session = {
    variables: [...variables.keys()],

    run(name, feeds) {
      const definition = functions.get(name);
      assert(definition !== undefined, `the graph has no function called ${name}`);
      assert(unset.size === 0, `function ${name} runs before ${firstFew([...unset])} have been set`);
      checkFeeds(definition, feeds);
      const fed = Object.entries(definition.feeds).map(([feed, { node }]) => ({ node, value: feeds[feed]! }));
      const results = execute(`running the function ${name}`, fed, Object.values(definition.fetches));
      return Object.fromEntries(Object.keys(definition.fetches).map((fetch, i) => [fetch, results[i]!]));
    },

    get(names = [...variables.keys()]) {
      const reads = names.map((name) => accessOf(variable(name).name).read);
      const values = execute('reading variables', [], reads);
      return new Map(names.map((name, i) => [name, { shape: variable(name).shape, data: values[i]! }]));
    },

    set(tensors, names = [...variables.keys()]) {
      checkTensors(tensors, names.map(variable));
      const fed = names.map((name) => ({ node: accessOf(name).value, value: tensors.get(name)! }));
      const assigned = names.map((name) => accessOf(name).assign);
      execute('setting variables', fed, assigned);
      for (const name of names) unset.delete(name);
    },

    dispose() {
      if (open) binding.deleteSavedModel(model);
      open = false;
    },
  };

  const clears = [...variables.values()].filter((v) => v.startsAtZero).map((v) => accessOf(v.name).clear);
  try {
    execute('clearing variables', [], clears);
  } catch (error) {
    session.dispose();
    throw error;
  }
  return session;
}

/** The addon loads graphs as SavedModels, and those only from a directory. */
function load(binding: NativeBinding, graph: Graph): number {
  const directory = mkdtempSync(join(tmpdir(), 'restill-graph-'));
  try {
    writeFileSync(join(directory, 'saved_model.pb'), graph.encode());
    return binding.loadSavedModel(directory, servingTag);
  } catch (error) {
    throw mapNativeError(error, 'loading a graph');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Fed {
  readonly node: string;
  readonly value: FeedValue;
}

/** Feeds, runs, fetches; frees every native tensor on every path. */
function execution(
  binding: NativeBinding,
  model: number,
  doing: string,
  feeds: readonly Fed[],
  fetches: readonly string[],
): Float32Array[] {
  if (fetches.length === 0) return [];
  const tensors: number[] = [];
  try {
    for (const { value } of feeds) {
      const type = dataTypeNumber(dataTypeOf(value.data));
      tensors.push(binding.createTensor(value.shape, type, value.data));
    }
    const inputs = [...tensors];
    const outputs = binding.runSavedModel(
      model,
      inputs,
      ports(feeds.map((feed) => feed.node)),
      ports(fetches),
    );
    for (const output of outputs) tensors.push(output.id);
    return outputs.map((output) => binding.tensorDataSync(output.id) as Float32Array);
  } catch (error) {
    throw explain(error, doing);
  } finally {
    for (const tensor of tensors) binding.deleteTensor(tensor);
  }
}

/** `name` is the first output of its node; the addon wants to see the number. */
const ports = (names: readonly string[]): string =>
  names.map((name) => (name.includes(':') ? name : `${name}:0`)).join(',');

function explain(error: unknown, doing: string): RestillError {
  const found =
    error instanceof Error
      ? new RegExp(`${nonFiniteMark}: (.+?) : Tensor had (\\w+)`).exec(error.message)
      : null;
  if (found === null) return mapNativeError(error, doing);
  return new RestillError(
    'NON_FINITE',
    `${doing}: ${found[1]} is ${found[2]}, not a finite number; nothing was changed. Skip the batch, ` +
      'and lower the learning rate if it happens again',
    { cause: error },
  );
}

/** @throws RestillError `SHAPE_MISMATCH`. */
function checkTensors(tensors: Tensors, wanted: readonly Variable[]): void {
  const names = new Set(wanted.map((variable) => variable.name));
  const missing = [...names].filter((name) => !tensors.has(name));
  const unknown = [...tensors.keys()].filter((name) => !names.has(name));
  const misfits = wanted.flatMap(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (!tensor) return [];
    const fits = `${tensor.shape}` === `${shape}` && tensor.data.length === elements(shape);
    return fits ? [] : [`${name}: [${tensor.shape}] (${tensor.data.length} numbers), expected [${shape}]`];
  });
  const problems = [
    ...(missing.length > 0 ? [`missing: ${firstFew(missing)}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${firstFew(unknown)}`] : []),
    ...(misfits.length > 0 ? [`of the wrong shape: ${firstFew(misfits)}`] : []),
  ];
  if (problems.length > 0)
    throw new RestillError(
      'SHAPE_MISMATCH',
      `these tensors are not those of the model: ${problems.join('; ')}; ` +
        'check that weights and config belong together',
    );
}

function firstFew(names: readonly string[]): string {
  const few = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${few} and ${names.length - 5} more` : few;
}
