// Low-rank adapters: Hu et al. 2021, arXiv 2106.09685, named and initialised as PEFT does it.
//
// To a linear module's output x W^T an adapter adds scale * (x A^T) B^T, with A [rank, in], B [out, rank] and
// scale = alpha / rank. A and B train; W does not, gets no gradient, and nothing is ever added to it.
//
// Invariants:
// 1. B starts at zero: a fresh adapter changes no score.
// 2. Modules that the model computes side by side, as one product with their weights stacked, get one product
//    more on each side: with their A's stacked, and their B's along the diagonal of one matrix.
import { assert } from '../errors.ts';
import type { Ops } from './ops.ts';
import type { ParameterSpec } from './parameters.ts';

export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Last parts of the names of the modules to adapt, for example `q_proj`. */
  readonly targetModules: readonly string[];
}

/** What a model has to know of its adapter. */
export interface Adapter {
  readonly rank: number;
  /** alpha / rank. */
  readonly scale: number;
  /** The modules that are adapted, by their whole names. */
  readonly targets: ReadonlySet<string>;
  /** A and B of each, in the order of the model's own parameters. */
  readonly parameters: readonly ParameterSpec[];
  /** Rows of a module's weight, for every linear module of the model. */
  readonly outputs: ReadonlyMap<string, number>;
}

/** The adapter of a model with these parameters. */
export function adapterOf(
  model: readonly ParameterSpec[],
  { rank, alpha, targetModules }: LoraSettings,
): Adapter {
  const linear = model.flatMap(({ name, shape }) => {
    const isMatrix = shape.length === 2 && name.endsWith('.weight');
    return isMatrix ? [{ module: name.slice(0, -'.weight'.length), out: shape[0]!, in: shape[1]! }] : [];
  });
  const adapted = linear.filter(({ module }) => targetModules.includes(module.split('.').at(-1)!));
  assert(adapted.length > 0, `the model has none of the modules ${targetModules.join(', ')}`);
  return {
    rank,
    scale: alpha / rank,
    targets: new Set(adapted.map(({ module }) => module)),
    parameters: adapted.flatMap((target) => [
      // Kaiming's uniform distribution as torch's Linear has it, with a = sqrt(5): the bound is 1 / sqrt(in).
      spec(nameOfA(target.module), [rank, target.in], { uniform: 1 / Math.sqrt(target.in) }),
      spec(nameOfB(target.module), [target.out, rank], 'zeros'),
    ]),
    outputs: new Map(linear.map(({ module, out }) => [module, out])),
  };
}

/**
 * Output y of linear modules side by side, with what the adapter adds to those of them that it adapts.
 *
 * @param x their input, [rows, in].
 * @param y [rows, sum of the modules' outputs], in the order of `modules`.
 */
export function adapted<T>(ops: Ops<T>, adapter: Adapter, modules: readonly string[], x: T, y: T): T {
  const targets = modules.filter((module) => adapter.targets.has(module));
  if (targets.length === 0) return y;
  const a = ops.stack(targets.map((module) => ops.parameter(nameOfA(module)))); // [targets * rank, in]
  const low = ops.affine(ops.linear(x, a, null), adapter.scale); // [rows, targets * rank]
  const b = targets
    .map((module, i) => ops.pad(ops.parameter(nameOfB(module)), borderOf(adapter, modules, targets, i)))
    .reduce((sum, block) => ops.add(sum, block)); // [outputs, targets * rank]
  return ops.add(y, ops.linear(low, b, null));
}

export const nameOfA = (module: string): string => `${module}.lora_A.weight`;
export const nameOfB = (module: string): string => `${module}.lora_B.weight`;

const spec = (name: string, shape: readonly number[], init: ParameterSpec['init']): ParameterSpec => ({
  name,
  shape,
  init,
  decay: true,
});

/** Where the B of target i stands: rows as in y, columns as in the stack of A's. */
function borderOf(
  { outputs, rank }: Adapter,
  modules: readonly string[],
  targets: readonly string[],
  i: number,
) {
  const at = modules.indexOf(targets[i]!);
  const rows = (part: readonly string[]) => part.reduce((sum, module) => sum + outputs.get(module)!, 0);
  return {
    rows: [rows(modules.slice(0, at)), rows(modules.slice(at + 1))],
    columns: [i * rank, (targets.length - 1 - i) * rank],
  } as const;
}
