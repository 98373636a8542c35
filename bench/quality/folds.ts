// Which queries train and which are only asked. Membership follows from the seed and the queries alone.
//
// Invariants:
// 1. Every query is tested in exactly one fold and trains in all others.
// 2. A validation split lies inside the training queries of its fold: what is chosen there has not seen the
//    fold's test queries.
import { assert } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';

export const foldCount = 5;

/** Of the training queries, the share that an inner validation split asks instead. */
const validationShare = 0.25;

export interface Split {
  readonly fold: number;
  readonly on: 'test' | 'validation';
  readonly training: ReadonlySet<string>;
  readonly unseen: ReadonlySet<string>;
}

/** The split of a fold over query ids. */
export function splitOf(
  queryIds: readonly string[],
  o: { readonly fold: number; readonly validate: boolean; readonly seed: number },
): Split {
  assert(o.fold >= 0 && o.fold < foldCount, `there is no fold ${o.fold}`);
  const order = randomFor(o.seed, 'folds').shuffle([...queryIds].sort());
  const test = new Set(order.filter((_, i) => i % foldCount === o.fold));
  const rest = order.filter((id) => !test.has(id));
  if (!o.validate) return { fold: o.fold, on: 'test', training: new Set(rest), unseen: test };
  const inner = randomFor(o.seed, 'validation', o.fold).shuffle([...rest]);
  const held = Math.round(inner.length * validationShare);
  return {
    fold: o.fold,
    on: 'validation',
    training: new Set(inner.slice(held)),
    unseen: new Set(inner.slice(0, held)),
  };
}
